"""Calls that take whatever they are given: arguments that do not fit are said, and left out."""

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import Parameter, iscoroutinefunction, signature
from typing import Any, TypeVar, cast

Call = TypeVar("Call", bound=Callable[..., Any])


def fitting(tell: Callable[[tuple[Any, ...], TypeError], None]) -> Callable[[Call], Call]:
    """Return a decorator for calls that must not raise into the app, however they are called.

    A call that fits pays for no look at its arguments.

    Args:
        tell: Is told the positional arguments of a call that does not fit, and what is wrong.
    """

    def decorate(function: Call) -> Call:
        def fit(*arguments: Any, **keywords: Any) -> Any:
            try:
                return function(*arguments, **keywords)
            except TypeError as error:
                tell(arguments, error)
            positional, named = _fitted(function, arguments, keywords)
            return function(*positional, **named)

        async def fit_async(*arguments: Any, **keywords: Any) -> Any:
            return await fit(*arguments, **keywords)

        return cast("Call", wraps(function)(fit_async if iscoroutinefunction(function) else fit))

    return decorate


def _fitted(
    function: Callable[..., Any], arguments: tuple[Any, ...], keywords: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return what a function takes of arguments: of what is given twice, the first."""
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


def straightened(
    tell: Callable[[TypeError], None],
    name: str,
    options: Any,
    *,
    surplus: tuple[object, ...],
    keywords: Any,
) -> tuple[str, Any]:
    """Return the name and the options of a ``track()`` whose arguments stand elsewhere.

    ``track()`` is too hot for ``fitting``. Of what is given twice, the first is taken.

    Args:
        tell: Is told what is wrong.
        name: What stood first.
        options: What stood second.
        surplus: What stood after it.
        keywords: A dict; name and options are taken out of it.
    """
    if surplus:
        taken = 2
        tell(TypeError(f"track() takes {taken} arguments, {taken + len(surplus)} were given"))
    values: list[Any] = []
    for key, given in (("name", name), ("options", options)):
        named = keywords.pop(key, None)
        if given and named is not None:
            tell(TypeError(f"track() got multiple values for argument {key!r}"))
        values.append(given or named)
    return values[0] or "", values[1]
