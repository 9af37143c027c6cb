"""A tee of ``wsgi.input``: the app reads as ever, and the first bytes are kept."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from sqreen_mw.agent.context import RequestContext
from sqreen_mw.agent.requests.wsgi import Environ
from sqreen_mw.capture.body import BodyTee

_INPUT: Final = "wsgi.input"


def tee_input(environ: Environ, context: RequestContext) -> None:
    """Put a tee in front of the input of a request that has a body."""
    has_body = environ.get("CONTENT_LENGTH") not in {None, "", "0"}
    if (has_body or "HTTP_TRANSFER_ENCODING" in environ) and _INPUT in environ:
        context.body = BodyTee()
        environ[_INPUT] = TeedInput(environ[_INPUT], context.body)


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

    def __iter__(self) -> Iterator[bytes]:
        for line in self._source:
            self._tee.feed(line)
            yield line

    def __next__(self) -> bytes:
        line: bytes = next(self._source)
        self._tee.feed(line)
        return line


def _reading(read: Callable[..., bytes], tee: BodyTee) -> Callable[..., bytes]:
    def teed(*arguments: Any, **keywords: Any) -> bytes:
        data = read(*arguments, **keywords)
        tee.feed(data)
        return data

    return teed


def _reading_lines(read: Callable[..., list[bytes]], tee: BodyTee) -> Callable[..., list[bytes]]:
    def teed(*arguments: Any, **keywords: Any) -> list[bytes]:
        lines = read(*arguments, **keywords)
        for line in lines:
            tee.feed(line)
        return lines

    return teed


def _reading_into(read: Callable[..., int], tee: BodyTee) -> Callable[..., int]:
    def teed(buffer: Any, *arguments: Any) -> int:
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
