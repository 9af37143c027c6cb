"""Copies the first bytes that the app reads from ``wsgi.input``."""

from collections.abc import Callable, Iterator
from copy import copy
from functools import cache
from typing import Any, Final

from sqreen_mw.agent.requests.wsgi import Environ, WSGIRequestContext
from sqreen_mw.capture.request_body import BodyTee

_INPUT: Final = "wsgi.input"


def tee_input(environ: Environ, context: WSGIRequestContext) -> None:
    """Replace the input of a request with a body by a tee."""
    if _INPUT in environ and has_body(environ):
        tee = BodyTee()
        context.content_type = environ.get("CONTENT_TYPE")
        context.set_body(tee)
        environ[_INPUT] = teed_input(environ[_INPUT], tee)


def has_body(environ: Environ) -> bool:
    """Return whether a request has a body, by its headers (RFC 9112, section 6.3)."""
    has_length = environ.get("CONTENT_LENGTH") not in {None, "", "0"}
    return has_length or "HTTP_TRANSFER_ENCODING" in environ


def teed_input(source: Any, tee: BodyTee) -> "TeedInput":
    """Return an input that reads from a source, and feeds a tee."""
    return _teed_class(type(source))(source, tee)  # type: ignore[arg-type]  # types are hashable


class TeedInput:
    """An input with exactly the attributes of its source.

    Frameworks check which methods exist, such as ``readinto``. Only methods that read are wrapped.
    """

    def __init__(self, source: Any, tee: BodyTee) -> None:
        self.sqreen_source: Final = source
        self.sqreen_tee: Final = tee

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.sqreen_source, name)
        wrap = _READ_METHODS.get(name)
        return found if wrap is None else wrap(found, self.sqreen_tee)

    # Copies are of the server's input: the app does not read this request from them.

    def __copy__(self) -> Any:
        return copy(self.sqreen_source)

    def __reduce__(self) -> tuple[Any, ...]:
        return _identity, (self.sqreen_source,)


def _identity(source: Any) -> Any:
    return source


def _iterate(teed: Any) -> Iterator[bytes]:
    iterator = iter(teed.sqreen_source)
    return teed if iterator is teed.sqreen_source else _lines(iterator, teed.sqreen_tee)


def _lines(iterator: Iterator[bytes], tee: BodyTee) -> Iterator[bytes]:
    for line in iterator:
        tee.feed(line)
        yield line


def _next(teed: Any) -> bytes:
    line: bytes = next(teed.sqreen_source)
    teed.sqreen_tee.feed(line)
    return line


def _enter(teed: Any) -> Any:
    entered = teed.sqreen_source.__enter__()
    return teed if entered is teed.sqreen_source else entered


def _exit(teed: Any, *error: object) -> Any:
    return teed.sqreen_source.__exit__(*error)


# Python looks these up on the class, so __getattr__ cannot provide them.
_SPECIAL: Final = {"__iter__": _iterate, "__next__": _next, "__enter__": _enter, "__exit__": _exit}


@cache
def _teed_class(kind: type) -> type[TeedInput]:
    """Return the class of tees for a type of input: it has the same special methods."""
    methods = {name: method for name, method in _SPECIAL.items() if hasattr(kind, name)}
    return type("TeedInput", (TeedInput,), methods)


def _reading(read: Callable[..., bytes | None], tee: BodyTee) -> Callable[..., bytes | None]:
    def teed(*arguments: Any, **keywords: Any) -> bytes | None:
        data = read(*arguments, **keywords)
        tee.feed(data or b"")
        return data

    return teed


def _reading_lines(read: Callable[..., list[bytes]], tee: BodyTee) -> Callable[..., list[bytes]]:
    def teed(*arguments: Any, **keywords: Any) -> list[bytes]:
        lines = read(*arguments, **keywords)
        for line in lines:
            tee.feed(line)
        return lines

    return teed


def _reading_into(read: Callable[..., int | None], tee: BodyTee) -> Callable[..., int | None]:
    def teed(buffer: Any, *arguments: Any) -> int | None:
        count = read(buffer, *arguments)
        tee.feed(memoryview(buffer).cast("B")[: count or 0])
        return count

    return teed


_READ_METHODS: Final[dict[str, Callable[[Any, BodyTee], Any]]] = {
    "read": _reading,
    "read1": _reading,
    "readline": _reading,
    "readlines": _reading_lines,
    "readinto": _reading_into,
    "readinto1": _reading_into,
}
