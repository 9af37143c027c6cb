"""Calls that accept any arguments: those that do not fit are logged and ignored."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import wraps
from inspect import Parameter, iscoroutinefunction, signature
from typing import Any, Protocol, TypeVar, cast


class Reporter(Protocol):
    """Reports the errors of calls."""

    def report_ignored(self, call: str, *, positional: int, names: Sequence[str]) -> None:
        """Log the arguments that a call does not have."""

    def suppress_errors(self, cause: str) -> AbstractContextManager[None, bool]:
        """Return a context that suppresses errors of ours."""


Call = TypeVar("Call", bound=Callable[..., Any])


def lenient(*, default: object = None) -> Callable[[Call], Call]:
    """Return a decorator for methods of ``Calls``, which must never raise into the app.

    A call whose arguments fit pays for no check of them.

    Args:
        default: The result if the body raises.
    """

    def decorate(function: Call) -> Call:
        name = function.__name__

        def call(*arguments: Any, **keywords: Any) -> Any:
            reporter = _reporter(*arguments)
            with reporter.suppress_errors(name):
                return _call(function, arguments, keywords, reporter=reporter)
            return default

        async def call_async(*arguments: Any, **keywords: Any) -> Any:
            reporter = _reporter(*arguments)
            with reporter.suppress_errors(name):
                return await _call(function, arguments, keywords, reporter=reporter)
            return default

        return cast("Call", wraps(function)(call_async if iscoroutinefunction(function) else call))

    return decorate


def _reporter(calls: Any, *_: object) -> Reporter:
    """Return the reporter of a call's errors."""
    reporter: Reporter = calls.call_target()[0]
    return reporter


def _call(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    keywords: Mapping[str, Any],
    *,
    reporter: Reporter,
) -> Any:
    """Call a function; if its arguments do not fit, call it with those that do."""
    try:
        return function(*arguments, **keywords)
    except TypeError as error:
        if error.__traceback__ is None or error.__traceback__.tb_next is not None:
            raise  # the body raised: it must not run again
    positional, named = _accepted_args(function, arguments, keywords)
    reporter.report_ignored(
        function.__name__,
        positional=len(arguments) - len(positional),
        names=[name for name in keywords if name not in named],
    )
    return function(*positional, **named)


def _accepted_args(
    function: Callable[..., Any], arguments: tuple[Any, ...], keywords: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments that a function accepts; of a repeated one, the first."""
    parameters = signature(function).parameters.values()
    names = [each.name for each in parameters if each.kind is Parameter.POSITIONAL_OR_KEYWORD]
    takes_all = len(names) < len(parameters)
    kept = arguments[: len(names)]
    taken, free = names[: len(kept)], names[len(kept) :]
    named = {
        key: value
        for key, value in keywords.items()
        if key not in taken and (takes_all or key in free)
    }
    return kept, named
