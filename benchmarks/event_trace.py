"""How many files does one event pass through between ``track()`` and the wire?

A fresh process tracks a few events to warm up. Every Python call of the next event is recorded, in
all threads, until the collector has received the event. Only files of the product count. A move
is a step of the trace into another file: a call into it or a return to it.

::

    python -m benchmarks.event_trace
    python -m benchmarks.event_trace --show          # print each call
    python -m benchmarks.event_trace --of "sentry logs"
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from benchmarks.child import in_child
from benchmarks.figures import table
from benchmarks.peers.peer import CONTESTANTS, OURS
from benchmarks.recording import ANSWER_SECONDS, Step, recorded_event
from benchmarks.stub.running import running_stub

GOAL: Final = 130
"""Moves of an event outside requests."""

SCENES: Final = ("outside requests", "in an ASGI request")


def moves(steps: Sequence[Step]) -> int:
    """Return how often the trace goes to another file; each thread has a trace of its own."""
    found = 0
    for of_caller in (True, False):
        files = [step.file for step in steps if step.is_caller == of_caller]
        found += sum(before != after for before, after in pairwise(files))
    return found


def _row(label: str, steps: Sequence[Step]) -> list[str]:
    calls = [step for step in steps if step.function is not None]
    functions = {(step.file, step.function) for step in calls}
    files = {step.file for step in calls}
    return [label, *map(str, (len(calls), len(functions), len(files), moves(steps)))]


def _report(traces: Mapping[str, Sequence[Step]]) -> str:
    rows: list[list[str]] = []
    for scene, steps in traces.items():
        called = [step for step in steps if step.is_caller]
        rows += [_row(f"{scene}: calling thread", called), _row(f"{scene}: all threads", steps)]
    return table(["", "calls", "functions", "files", "moves"], rows)


def _shown(scene: str, steps: Sequence[Step]) -> str:
    lines = [
        f"  {'caller' if step.is_caller else 'other '}  {step.file}  {step.function}"
        for step in steps
        if step.function is not None
    ]
    return "\n".join([scene, *lines, ""])


def main() -> None:
    """Print the figures.

    Raises:
        SystemExit: Ours has more moves than the goal.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--of", choices=CONTESTANTS, default=OURS)
    parser.add_argument("--show", action="store_true")
    given = parser.parse_args()
    traces: dict[str, list[Step]] = {}
    with running_stub(delay=ANSWER_SECONDS) as stub:
        for scene in SCENES:
            in_request = scene != SCENES[0]
            steps = in_child(recorded_event, name=given.of, url=stub.url, in_request=in_request)
            traces[scene] = [Step(*step) for step in steps]
    if given.show:
        sys.stdout.write("\n".join(_shown(*trace) for trace in traces.items()) + "\n")
    sys.stdout.write(f"{_report(traces)}\n")
    if given.of == OURS and moves(traces[SCENES[0]]) > GOAL:
        sys.stdout.write(f"more than {GOAL} moves {SCENES[0]}\n")
        raise SystemExit(1)


if __name__ == "__main__":
    main()
