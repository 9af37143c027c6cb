"""Exceptions that a signal handler of the app raises, such as a task's time limit.

They may come in the middle of anything of ours, and are none of our faults: they go through.
"""

import signal
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any, Final

_CALL: Final = "__call__"


def is_interruption(error: BaseException) -> bool:
    """Tell whether an exception that was just caught comes from a handler of a signal."""
    codes: set[CodeType] = set()
    traceback = error.__traceback__
    while traceback is not None:
        codes.add(traceback.tb_frame.f_code)
        traceback = traceback.tb_next
    return any(_code(signal.getsignal(number)) in codes for number in range(1, signal.NSIG))


def _code(handler: Any) -> CodeType | None:
    """Return the code that a handler runs, or None where that is not Python's."""
    while isinstance(handler, partial | MethodType):
        handler = handler.func if isinstance(handler, partial) else handler.__func__
    if not isinstance(handler, FunctionType):
        handler = getattr(type(handler), _CALL, None)
    return handler.__code__ if isinstance(handler, FunctionType) else None
