import asyncio
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref import wsgi
from hypothesis import given
from hypothesis import strategies as st

import sqreen_mw as sqreen
from sqreen_mw.agent.context import current_request
from sqreen_mw.agent.requests.wsgi_headers import UNCLEAR, clear_values, drops_underscores
from sqreen_mw.middleware.wsgi import SqreenWSGIMiddleware
from sqreen_mw.protocol.event import Event, RequestInfo
from tests.support.optional import need_module
from tests.support.processes import run_python

KEY = "HTTP_X_FORWARDED_FOR"
VISITOR, FORGED, PROXY = "203.0.113.9", "198.51.100.66", "127.0.0.1"


def served(fields: list[tuple[bytes, bytes]], ip_header: str) -> None:
    """Serve one request behind an adapter that builds the environ from an ASGI scope."""

    def app(_: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
        sqreen.track("visited")
        start_response("200 OK", [])
        return []

    async def receive() -> dict[str, object]:
        return {"type": "http.request"}

    async def send(_: object) -> None:
        pass

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "client": (PROXY, 1),
        "headers": fields,
    }
    adapters: Any = wsgi  # it has no types
    adapter = adapters.WsgiToAsgi(SqreenWSGIMiddleware(app, ip_header=ip_header))
    asyncio.run(adapter(scope, receive, send))


def described(memory: list[Event]) -> RequestInfo:
    """Return the request of the last event."""
    assert sqreen.flush()
    request = memory[-1].request
    assert request is not None
    return request


@pytest.mark.parametrize("header", ["CF-Connecting-IP", "True-Client-IP", "X-Real-IP"])
@pytest.mark.parametrize("twin", ["{}_{}", "{}-{}"])
def test_no_configured_header_has_a_twin(memory: list[Event], header: str, twin: str) -> None:
    """Any spelling of the configured header with underscores is another header."""
    name = header.lower().encode()
    first, _, rest = name.decode().partition("-")
    other = twin.format(first, rest.replace("-", "_")).encode()
    for fields in ([(name, VISITOR.encode())], []):
        served([*fields, (other, FORGED.encode())] if other != name else fields, header)

        request = described(memory)
        expected = (VISITOR, "header") if fields else (PROXY, "peer")
        assert (request.ip, request.ip_source) == expected


def test_event_after_the_request_has_no_unchecked_address(memory: list[Event]) -> None:
    """After the request, the received names are gone, so the connection's address counts."""
    contexts: list[Any] = []

    def app(_: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
        contexts.append(current_request())
        start_response("200 OK", [])
        return []

    environ = {"REQUEST_METHOD": "GET", "SERVER_SOFTWARE": "Granian", "REMOTE_ADDR": PROXY}
    SqreenWSGIMiddleware(app)({**environ, KEY: FORGED}, lambda *_: print)
    contexts[0].track("late")

    assert (described(memory).ip, described(memory).forwarded_ignored) == (PROXY, True)


def test_event_after_a_request_of_a_test_is_complete() -> None:
    """A test without a server keeps the values of its requests, also for late events."""
    code = (
        "import sqreen_mw as sqreen\n"
        "from sqreen_mw.agent.context import current_request\n"
        "from sqreen_mw.testing import capture_events\n"
        "kept = []\n"
        "def app(environ, start_response):\n"
        "    kept.append(current_request())\n"
        "    return []\n"
        "wrapped = sqreen.SqreenWSGIMiddleware(app, url='memory://')\n"
        "environ = {'REMOTE_ADDR': '127.0.0.1', 'HTTP_X_FORWARDED_FOR': '203.0.113.9'}\n"
        "with capture_events() as events:\n"
        "    wrapped({**environ, 'HTTP_USER_AGENT': 'curl/8'}, lambda *_: None)\n"
        "    kept[0].track('late')\n"
        "request = events[0].request\n"
        "assert (request.ip, request.user_agent) == ('203.0.113.9', 'curl/8'), request\n"
    )

    run_python("-c", code)


SERVERLESS = """\
import io, sys
from wsgiref.util import setup_testing_defaults
from werkzeug.wrappers import Response
import sqreen_mw as sqreen
from sqreen_mw.agent.delivery.transports.local import memory_events

def app(environ, start_response):
    sqreen.track("visited")
    start_response("200 OK", [])
    return []

wrapped = sqreen.SqreenWSGIMiddleware(app, url="memory://")
environ = {{"REQUEST_METHOD": "GET", "PATH_INFO": "/", "REMOTE_ADDR": "127.0.0.1"}}
environ |= {{"HTTP_X_FORWARDED_FOR": "198.51.100.66", "wsgi.errors": sys.stderr}}
environ |= {{"wsgi.multithread": False, "wsgi.multiprocess": False, "wsgi.run_once": False}}
environ |= {{"wsgi.input": io.BytesIO(), "wsgi.url_scheme": "https"}}
{serve}
assert sqreen.flush()
[event] = memory_events("memory://")
assert (event.request.ip, event.request.forwarded_ignored) == ("127.0.0.1", True), event
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "serve",
    [
        "Response.from_app(wrapped, environ)  # like serverless-wsgi and Zappa",
        "wrapped(environ, lambda *_: print)",
        "setup_testing_defaults(environ); wrapped(environ, lambda *_: print)",
        "wrapped({**environ, 'HTTP_X_FORWARDED_FOR': '8.8.8.8, 1.1.1.1'}, lambda *_: print)",
    ],
)
def test_adapter_without_a_name_is_not_a_test(serve: str) -> None:
    """An adapter may name no server and use the test client's function: it may merge names."""
    run_python("-c", SERVERLESS.format(serve=serve))


@pytest.mark.parametrize(
    ("environ", "drops"),
    [
        ({"SERVER_SOFTWARE": "Werkzeug/3.1.9"}, True),
        ({"SERVER_SOFTWARE": "gevent/26.9 Python/3.12"}, True),
        ({"SERVER_SOFTWARE": "my shop", "waitress.client_disconnected": print}, True),
        ({"SERVER_SOFTWARE": "Apache/2.4.66 (Unix)", "mod_wsgi.version": (5, 0, 2)}, True),
        ({"SERVER_SOFTWARE": "Apache/2.4.66 (Unix)"}, False),
        ({"SERVER_SOFTWARE": "WSGIServer/0.2 CPython/3.12"}, False),
        ({"SERVER_SOFTWARE": ["unhashable"]}, False),
        ({"HTTP_SERVER_SOFTWARE": "gunicorn/27.0.1"}, False),
        ({"uwsgi.version": b"2.0.31"}, False),
        ({}, False),
    ],
)
def test_servers_that_drop_underscores_are_known(environ: dict[str, Any], *, drops: bool) -> None:
    """The server is identified by keys that clients cannot set."""
    assert drops_underscores(environ) is drops


@pytest.fixture
def gunicorn_settings() -> Iterator[Any]:
    """Handle a signal like a worker of gunicorn, and yield the worker's settings."""
    settings = need_module("gunicorn.config", package="gunicorn").Config()
    workers = need_module("gunicorn.workers.base", package="gunicorn")
    worker = workers.Worker(0, 0, [], None, 30, settings, None)
    before = signal.signal(signal.SIGWINCH, worker.handle_winch)
    yield settings
    signal.signal(signal.SIGWINCH, before)
    worker.tmp.close()


@pytest.mark.parametrize(
    ("software", "policy", "drops"),
    [
        ("gunicorn/23.0.1", "drop", True),
        ("gunicorn/23.0.2", "refuse", True),
        ("gunicorn/23.0.3", "dangerous", False),
        ("gunicorn/22.0.0", "drop", True),
        ("gunicorn/21.2.0", "drop", False),
        ("gunicorn", "drop", False),
    ],
)
def test_gunicorn_is_known_by_its_settings(
    gunicorn_settings: Any, software: str, policy: str, *, drops: bool
) -> None:
    """The handler of one signal leads to the settings of the worker."""
    gunicorn_settings.set("header_map", policy)

    assert drops_underscores({"SERVER_SOFTWARE": software}) is drops


def test_gunicorn_with_unknown_settings_is_not_believed() -> None:
    """Without the worker's signal handlers, the header policy is unknown."""
    assert not drops_underscores({"SERVER_SOFTWARE": "gunicorn/23.1.1"})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (VISITOR, VISITOR),
        (f"8.8.8.8, {VISITOR}", f"8.8.8.8, {VISITOR}"),
        (f"{VISITOR},{FORGED}", UNCLEAR),
        (f"{VISITOR},", UNCLEAR),
        (f",{FORGED}", UNCLEAR),
        (None, None),
    ],
)
def test_environ_of_a_test_has_no_joined_values(value: str | None, expected: object) -> None:
    """Without any sign of a server, only a value that a server has joined is unclear."""
    environ = {"wsgi.multithread": False, "wsgi.multiprocess": False}

    assert clear_values({KEY: value}, environ, lambda *_: None) == {KEY: expected}


def test_unknown_server_is_not_believed() -> None:
    """A server that shows no received names has no clear values, except without hyphens."""
    values = {KEY: VISITOR, "HTTP_FORWARDED": f"for={VISITOR}", "HTTP_X": None}

    for environ in (
        {"SERVER_SOFTWARE": "new/1"},
        {"asgi.scope": None},
        {"uwsgi.version": b""},
        {"wsgi.multithread": True},
    ):
        assert clear_values(values, environ, print) == {**values, KEY: UNCLEAR}
    assert clear_values(values, {}, {}.get) == {**values, KEY: UNCLEAR}


names = st.sampled_from(
    ["x-forwarded-for", "x_forwarded_for", "X_Forwarded-For", "x-forwarded_for"]
)
values = st.sampled_from([VISITOR, FORGED, f"8.8.8.8, {VISITOR}", "unknown", ""])


@given(st.lists(st.tuples(names, values), max_size=4))
def test_only_the_received_name_counts(fields: list[tuple[str, str]]) -> None:
    """The value is that of the fields with the true name, however the environ merges them."""
    scope = {"headers": [(name.lower().encode(), value.encode()) for name, value in fields]}
    true = [value for name, value in fields if name.lower() == "x-forwarded-for"]
    merged = ",".join(value for _, value in fields) if fields else None

    [(_, value)] = clear_values({KEY: merged}, {"asgi.scope": scope}, None).items()

    assert value == (",".join(true) if true else None)
