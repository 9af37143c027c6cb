"""A tee of ``wsgi.input``: the app reads as ever, and the first bytes are kept."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

from sqreen_mw.agent.requests.wsgi import Environ, WSGIRequestContext
from sqreen_mw.capture.body import BodyTee

_INPUT: Final = "wsgi.input"


def tee_input(environ: Environ, context: WSGIRequestContext) -> None:
    """Put a tee in front of the input of a request that has a body."""
    if _INPUT in environ and has_body(environ):
        tee = BodyTee()
        context.content_type = environ.get("CONTENT_TYPE")
        context.set_body(tee)
        environ[_INPUT] = teed_input(environ[_INPUT], tee)


def has_body(environ: Environ) -> bool:
    """Tell whether a request says that it has a body (RFC 9112, section 6.3)."""
    has_length = environ.get("CONTENT_LENGTH") not in {None, "", "0"}
    return has_length or "HTTP_TRANSFER_ENCODING" in environ


def teed_input(source: Any, tee: BodyTee) -> "TeedInput":
    """Return an input that reads as its source does, and shows a tee what is read."""
    return _teed_class(type(source))(source, tee)  # type: ignore[arg-type]  # types are hashable


class TeedInput:
    """An input that has exactly the attributes of the one behind it.

    What is not a way to read comes from there as it is; a server's input may have ``readinto`` or
    not, and frameworks look.
    """

    def __init__(self, source: Any, tee: BodyTee) -> None:
        self._source: Final = source
        self._tee: Final = tee

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._source, name)
        wrap = _WAYS_TO_READ.get(name)
        return found if wrap is None else wrap(found, self._tee)


def _iterate(teed: Any) -> Iterator[bytes]:
    iterator = iter(teed._source)  # noqa: SLF001 a method of the class below
    return teed if iterator is teed._source else _lines(iterator, teed._tee)  # noqa: SLF001 likewise


def _lines(iterator: Iterator[bytes], tee: BodyTee) -> Iterator[bytes]:
    for line in iterator:
        tee.feed(line)
        yield line


def _next(teed: Any) -> bytes:
    line: bytes = next(teed._source)  # noqa: SLF001 a method of the class below
    teed._tee.feed(line)  # noqa: SLF001 likewise
    return line


def _enter(teed: Any) -> Any:
    entered = teed._source.__enter__()  # noqa: SLF001 a method of the class below
    return teed if entered is teed._source else entered  # noqa: SLF001 likewise


def _exit(teed: Any, *error: object) -> Any:
    return teed._source.__exit__(*error)  # noqa: SLF001 a method of the class below


# Python looks these up on the class, so __getattr__ can't hand them on.
_SPECIAL: Final = {"__iter__": _iterate, "__next__": _next, "__enter__": _enter, "__exit__": _exit}


@cache
def _teed_class(kind: type) -> type[TeedInput]:
    """Return the class of tees for inputs of a type, with its special methods and no others."""
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


_WAYS_TO_READ: Final[dict[str, Callable[[Any, BodyTee], Any]]] = {
    "read": _reading,
    "read1": _reading,
    "readline": _reading,
    "readlines": _reading_lines,
    "readinto": _reading_into,
    "readinto1": _reading_into,
}
