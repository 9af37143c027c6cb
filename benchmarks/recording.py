"""Records the calls that one event passes through, in all threads of a process."""

import _thread
import sys
import threading
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple

from benchmarks.drive.interfaces import INTERFACES
from benchmarks.peers.peer import Peer, open_peer, package_of
from benchmarks.stub.running import Stub
from benchmarks.work import tracking

WARM_UP: Final = 3
ANSWER_SECONDS: Final = 0.3
"""Delay of the collector's answer, which is not part of the trace."""


class Step(NamedTuple):
    """A call of a function of the product, or, without a function, a return to a file."""

    is_caller: bool
    file: str
    function: str | None


class Recorder:
    """Records the steps of all threads that are started after it."""

    def __init__(self, package: str) -> None:
        """Follow a package."""
        spec = find_spec(package)
        assert spec is not None
        self._root: Final = f"{Path(str(spec.origin)).parent}/"
        self._caller: Final = threading.get_ident()
        self._is_on = False
        self.steps: Final[list[Step]] = []
        sys.setprofile(self._record)
        threading.setprofile(self._record)
        # Some threads of products are none of threading's.
        start = _thread.start_new_thread
        vars(_thread)["start_new_thread"] = lambda function, *given: start(
            self._recorded(function), *given
        )

    def start(self) -> None:
        """Begin to record."""
        self._is_on = True

    def stop(self) -> None:
        """End the recording."""
        self._is_on = False

    def _recorded(self, function: Callable[..., object]) -> Callable[..., object]:
        def run(*arguments: Any, **keywords: Any) -> object:
            sys.setprofile(self._record)
            return function(*arguments, **keywords)

        return run

    def _record(self, frame: FrameType, event: str, _argument: object) -> None:
        if not self._is_on or event not in {"call", "return"} or not self._file(frame):
            return
        is_caller = threading.get_ident() == self._caller
        if event == "call":
            self.steps.append(Step(is_caller, self._file(frame), frame.f_code.co_qualname))
        elif returned := next(filter(None, map(self._file, _below(frame))), ""):
            self.steps.append(Step(is_caller, returned, None))

    def _file(self, frame: FrameType) -> str:
        """Return the file's path in the package, or an empty text for other files."""
        name = frame.f_code.co_filename
        return name.removeprefix(self._root) if name.startswith(self._root) else ""


def _below(frame: FrameType) -> Iterator[FrameType]:
    while (caller := frame.f_back) is not None:
        frame = caller
        yield frame


def recorded_event(name: str, url: str, *, in_request: bool) -> list[Step]:
    """Return the steps of one event."""
    recorder = Recorder(package_of(name))
    peer, stub = open_peer(name, url), Stub(url)
    track = _in_request(peer, recorder) if in_request else _outside(peer, recorder)
    for _ in range(WARM_UP):
        track()
        recorder.stop()
        peer.flush()
        time.sleep(ANSWER_SECONDS)
    recorder.steps.clear()
    before = stub.count()
    track()
    sys.setprofile(None)  # some products patch the HTTP client that asks the stub
    while stub.count() == before:
        time.sleep(0.005)
    recorder.stop()
    return recorder.steps


def _outside(peer: Peer, recorder: Recorder) -> Callable[[], None]:
    # A middleware configures the product, even if no request comes.
    INTERFACES["asgi"].app(peer)

    def track() -> None:
        recorder.start()
        tracking(peer)

    return track


def _in_request(peer: Peer, recorder: Recorder) -> Callable[[], None]:
    side = INTERFACES["asgi"]

    def work() -> None:
        recorder.start()
        tracking(peer)

    app = side.app(peer, work)
    return lambda: side.serve(app, side.requests(1))
