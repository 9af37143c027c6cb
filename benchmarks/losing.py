"""One contestant's process that tells of events and then ends, the way it is asked to.

It says ``done`` when it has told of all of them; ours adds, as its very last line, what it counted.
"""

import argparse
import atexit
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from typing import Final

from benchmarks.drive.apps import wsgi_app
from benchmarks.peers.peer import OURS, Peer, open_peer
from benchmarks.work import tracking

DONE: Final = "done"
TURN_SECONDS: Final = 0.02


def main() -> None:
    """Tell of the events; nothing is flushed or closed by the application."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--end", choices=_ENDS, required=True)
    given = parser.parse_args()
    if given.name == OURS:
        atexit.register(_count)  # before its own, so that it runs after it
    peer = open_peer(given.name, given.url)
    peer.wrap_wsgi(wsgi_app())  # ours takes its settings there
    _ENDS[given.end](peer, given.events)


def _exits(peer: Peer, events: int) -> None:
    tracking(peer, events)
    _say(DONE)


def _waits(peer: Peer, events: int) -> None:
    """Tell of the events and go on; ``signal.pause`` would miss a signal just before it."""
    _exits(peer, events)
    while True:
        time.sleep(TURN_SECONDS)


def _forks(peer: Peer, events: int) -> None:
    """Tell of one event, and of the others in a child; both come to their normal end."""
    tracking(peer)
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        _say(DONE)
    else:
        tracking(peer, events - 1)


_ENDS: Final[dict[str, Callable[[Peer, int], None]]] = {
    "exit": _exits,
    "signal": _waits,
    "fork": _forks,
}


def _count() -> None:
    _say(json.dumps(asdict(import_module("sqreen_mw").stats())))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
