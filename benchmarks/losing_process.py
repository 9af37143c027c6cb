"""A contestant's process that tracks events and ends in the wanted way.

It prints ``done`` after the last event. The last line of ours contains its counters.
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
    """Track the events. The application does not flush or close anything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--end", choices=_ENDS, required=True)
    given = parser.parse_args()
    if given.name == OURS:
        atexit.register(_count)  # before ours, so that it runs after ours
    peer = open_peer(given.name, given.url)
    peer.wrap_wsgi(wsgi_app())  # configures ours
    _ENDS[given.end](peer, given.events)


def _exits(peer: Peer, events: int) -> None:
    tracking(peer, events)
    _print(DONE)


def _waits(peer: Peer, events: int) -> None:
    """Track the events and wait. ``signal.pause`` would miss a signal just before it."""
    _exits(peer, events)
    while True:
        time.sleep(TURN_SECONDS)


def _forks(peer: Peer, events: int) -> None:
    """Track one event, and the others in a forked child. Both exit normally."""
    tracking(peer)
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        _print(DONE)
    else:
        tracking(peer, events - 1)


_ENDS: Final[dict[str, Callable[[Peer, int], None]]] = {
    "exit": _exits,
    "signal": _waits,
    "fork": _forks,
}


def _count() -> None:
    _print(json.dumps(asdict(import_module("sqreen_mw").stats())))


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
