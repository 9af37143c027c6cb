"""Errors that the app's or a framework's own objects raise while we read them."""

import signal
from functools import partial
from types import CodeType, FunctionType, MethodType, TracebackType
from typing import Any, Final

from sqreen_mw.errors import SqreenUsageError

_CALL: Final = "__call__"


def is_suppressible(error: BaseException | None) -> bool:
    """Return False for errors that must reach the app.

    These are signals to stop (such as ``KeyboardInterrupt``), ``SqreenUsageError``, and exceptions
    that a signal handler of the app raises, such as a task's time limit.
    """
    if not isinstance(error, Exception) or isinstance(error, SqreenUsageError):
        return False
    return not raised_by_signal_handler(error)


def raised_by_signal_handler(error: BaseException) -> bool:
    """Return whether the traceback of an exception contains a signal handler."""
    codes: set[CodeType] = set()
    traceback = error.__traceback__
    while traceback is not None:
        codes.add(traceback.tb_frame.f_code)
        traceback = traceback.tb_next
    return any(_code(signal.getsignal(number)) in codes for number in range(1, signal.NSIG))


def _code(handler: Any) -> CodeType | None:
    """Return the code that a handler runs, or None if it is not written in Python."""
    while isinstance(handler, partial | MethodType):
        handler = handler.func if isinstance(handler, partial) else handler.__func__
    if not isinstance(handler, FunctionType):
        handler = getattr(type(handler), _CALL, None)
    return handler.__code__ if isinstance(handler, FunctionType) else None


class _SuppressAppErrors:
    """A context manager without state, so one object serves all threads."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> bool:
        return error is not None and is_suppressible(error)


suppress_app_errors: Final = _SuppressAppErrors()
"""Suppresses exceptions of objects of the app or a framework, without a count or a log line."""
