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

pytestmark = pytest.mark.slow


class OnlyRead:
    """A minimal ``wsgi.input``, without ``readinto`` and ``close``."""

    def __init__(self, data: bytes) -> None:
        source = io.BytesIO(data)
        self.read = source.read
        self.readline = source.readline
        self.readlines = source.readlines

    def __iter__(self) -> Any:
        return iter(self.readlines())


@pytest.fixture(params=["tracking", "unconfigured"])
def tracking(request: pytest.FixtureRequest) -> None:
    """Run the test with a memory collector, and without any."""
    if request.param == "tracking":
        request.getfixturevalue("memory")


def _seen(environ: Environ, server: Server, *, wrapped: bool) -> tuple[Any, ...]:
    """Return the lines of both taps, and the records of the server."""
    records = Records()
    with suppress(Exception):  # the taps and the server record it
        server.serve(variant(named, wrapped=wrapped, records=records), environ)
    return records.of("case").lines, server.sent, server.met


@pytest.mark.parametrize("source", [io.BytesIO, OnlyRead], ids=["BytesIO", "OnlyRead"])
@pytest.mark.parametrize("breaks_after", [100, 1], ids=["whole", "lost"])
@pytest.mark.parametrize("name", APPS)
@pytest.mark.usefixtures("tracking")
def test_both_sides_see_the_same(name: str, breaks_after: int, source: Any) -> None:
    """The middleware changes no call, value, error or contextvar, and no order.

    The same holds if the connection is lost in the middle.
    """

    def serve(*, wrapped: bool) -> tuple[Any, ...]:
        environ = environ_of(name, body=source(b"a=1&b=2\nc=3"), length=11)
        return _seen(environ, Server(breaks_after=breaks_after), wrapped=wrapped)

    bare = serve(wrapped=False)

    assert serve(wrapped=True) == bare
    assert len(bare[0]) > 4


@pytest.mark.parametrize("kind", [list, tuple, bytes, FileWrapper, set])
@pytest.mark.usefixtures("tracking")
def test_server_gets_the_very_object(kind: type[Any]) -> None:
    """Responses that servers inspect are returned as they are."""
    body: Any = FileWrapper(io.BytesIO(b"x")) if kind is FileWrapper else kind(b"")

    def app(_: Environ, start: StartResponse) -> Any:
        start("200 OK", [])
        return body

    assert SqreenWSGIMiddleware(app)(environ_of("x"), lambda *_: bytearray().extend) is body


@pytest.mark.usefixtures("tracking")
def test_start_response_arguments_are_unchanged() -> None:
    """``start_response`` gets and returns the very objects of the app and the server."""
    calls: list[tuple[Any, ...]] = []
    headers = [("Content-Type", "text/plain")]
    status = str(b"200 OK", "ascii")

    def start(*arguments: Any, **keywords: Any) -> Any:
        calls.append((*arguments, keywords))
        return write

    def write(_: bytes) -> None:
        """Ignore the part."""

    def app(_: Environ, start_response: StartResponse) -> list[bytes]:
        assert start_response(status, headers) is write
        assert start_response(status, headers, None) is write
        assert start_response(status, headers, exc_info=None) is write
        return []

    SqreenWSGIMiddleware(app)(environ_of("x"), start)

    assert [len(call) for call in calls] == [3, 4, 3]
    assert calls[2][-1] == {"exc_info": None}
    assert all(call[0] is status and call[1] is headers for call in calls)
