import io
from contextlib import suppress
from typing import Any
from wsgiref.util import FileWrapper

import pytest

from sqreen_mw.middleware.wsgi import SqreenWSGIMiddleware
from tests.transparency.record import Records
from tests.transparency.wsgi_apps import APPS, named
from tests.transparency.wsgi_drive import Server, environ_of, variant
from tests.transparency.wsgi_tap import Environ, StartResponse


class OnlyRead:
    """The least that some servers give as ``wsgi.input``: no ``readinto``, no ``close``."""

    def __init__(self, data: bytes) -> None:
        source = io.BytesIO(data)
        self.read = source.read
        self.readline = source.readline
        self.readlines = source.readlines

    def __iter__(self) -> Any:
        return iter(self.readlines())


@pytest.fixture(params=["tracking", "unconfigured"])
def tracking(request: pytest.FixtureRequest) -> None:
    """Have what is tracked taken, or not."""
    if request.param == "tracking":
        request.getfixturevalue("memory")


def _seen(environ: Environ, server: Server, *, wrapped: bool) -> tuple[Any, ...]:
    """Return what both taps wrote, and what the server has sent and met."""
    records = Records()
    with suppress(Exception):  # the taps and the server have written it down
        server.serve(variant(named, wrapped=wrapped, records=records), environ)
    return records.of("case").lines, server.sent, server.met


@pytest.mark.parametrize("source", [io.BytesIO, OnlyRead], ids=["BytesIO", "OnlyRead"])
@pytest.mark.parametrize("breaks_after", [100, 1], ids=["whole", "lost"])
@pytest.mark.parametrize("name", APPS)
@pytest.mark.usefixtures("tracking")
def test_both_sides_see_the_same(name: str, breaks_after: int, source: Any) -> None:
    """Calls, values, errors and contextvars are those of the bare app, in their order.

    Also where the connection is lost in the middle.
    """

    def serve(*, wrapped: bool) -> tuple[Any, ...]:
        environ = environ_of(name, body=source(b"a=1&b=2\nc=3"), length=11)
        return _seen(environ, Server(breaks_after=breaks_after), wrapped=wrapped)

    bare = serve(wrapped=False)

    assert serve(wrapped=True) == bare
    assert len(bare[0]) > 4


@pytest.mark.parametrize("kind", [list, tuple, bytes, FileWrapper, set])
@pytest.mark.usefixtures("tracking")
def test_the_server_is_handed_the_very_object(kind: type[Any]) -> None:
    """What servers look into comes as the app made it."""
    body: Any = FileWrapper(io.BytesIO(b"x")) if kind is FileWrapper else kind(b"")

    def app(_: Environ, start: StartResponse) -> Any:
        start("200 OK", [])
        return body

    assert SqreenWSGIMiddleware(app)(environ_of("x"), lambda *_: bytearray().extend) is body


@pytest.mark.usefixtures("tracking")
def test_arguments_of_start_response_are_the_apps() -> None:
    """Status, the list of headers and what it returns are the very objects; none is added."""
    calls: list[tuple[Any, ...]] = []
    headers = [("Content-Type", "text/plain")]
    status = str(b"200 OK", "ascii")

    def start(*arguments: Any, **keywords: Any) -> Any:
        calls.append((*arguments, keywords))
        return write

    def write(_: bytes) -> None:
        """Take no part."""

    def app(_: Environ, start_response: StartResponse) -> list[bytes]:
        assert start_response(status, headers) is write
        assert start_response(status, headers, None) is write
        assert start_response(status, headers, exc_info=None) is write
        return []

    SqreenWSGIMiddleware(app)(environ_of("x"), start)

    assert [len(call) for call in calls] == [3, 4, 3]
    assert calls[2][-1] == {"exc_info": None}
    assert all(call[0] is status and call[1] is headers for call in calls)
