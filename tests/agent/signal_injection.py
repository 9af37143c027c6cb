"""Raises errors as a signal handler would: at each point where CPython may run one."""

import sys
from collections.abc import Callable, Iterator
from itertools import count
from types import FrameType

PACKAGE = "sqreen_mw."


class InjectedError(BaseException):
    """The error that the handler raises."""


def inject_everywhere(new_call: Callable[[], Callable[[], object]]) -> Iterator[int]:
    """Repeat a call, raise one point later each time, and yield the number of the point.

    The points are the start of each function of ours, and each return from a C function in it.

    Args:
        new_call: Prepares the call and returns it.
    """
    for point in count(1):
        if not _is_interrupted(new_call(), point):
            return
        yield point


def _is_interrupted(call: Callable[[], object], point: int) -> bool:
    passed = 0

    def inject(frame: FrameType, event: str, _: object) -> None:
        nonlocal passed
        is_ours = frame.f_globals.get("__name__", "").startswith(PACKAGE)
        if event in {"call", "c_return"} and is_ours:
            passed += 1
            if passed == point:
                raise InjectedError

    sys.setprofile(inject)
    try:
        call()
    except InjectedError:
        return True
    finally:
        sys.setprofile(None)
    return False
