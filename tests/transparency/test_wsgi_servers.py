from pathlib import Path

import pytest

from tests.support.optional import need
from tests.support.ports import free_port
from tests.support.server_process import run_server
from tests.transparency.raw_http import Visit
from tests.transparency.serving import Outcome, outcome
from tests.transparency.visits import ANY, gets, gone_in_body, post
from tests.transparency.wsgi_apps import APPS

pytestmark = pytest.mark.slow

SITE = "tests.transparency.wsgi_site:app"
BIND = ("-b", "127.0.0.1:{port}", "--access-logfile", "-", SITE)
SERVERS = {
    "gunicorn": ["gunicorn", "-k", "sync", *BIND],
    "gunicorn-gthread": ["gunicorn", "-k", "gthread", "--threads", "4", *BIND],
    "waitress": ["waitress", "--listen=127.0.0.1:{port}", SITE],
    "granian": ["granian", "--interface", "wsgi", "--access-log", "--port", "{port}", SITE],
    "wsgiref": ["tests.transparency.serve_simply", "wsgiref", "{port}", SITE],
    "werkzeug": ["tests.transparency.serve_simply", "werkzeug", "{port}", SITE],
}
LINES = b"one\ntwo\nthree"
VISITS = {
    **gets(name for name in APPS if not name.startswith(("reads_", "until_"))),
    **ANY,
    "body in pieces": post("reads_pieces", b"hello!"),
    "body by lines": post("reads_lines", LINES),
    "body by iteration": post("reads_by_iteration", LINES),
    "body as text": post("reads_text", LINES),
    "body in a block": post("reads_in_block", LINES),
    "body into a buffer": post("reads_into", LINES),
    "big body by lines": post("reads_lines", LINES * 10_000),
    "gone midway": Visit(behaviour="until_disconnect", hangs_up_at=b"first"),
    "gone in the body": gone_in_body("reads_all"),
}

UNEQUAL = {
    ("wsgiref", "expected body"): "it never asks for the body",
    ("werkzeug", "big body read in part"): "it waits for more",
    ("werkzeug", "big body by lines"): "it waits for more",
    ("wsgiref", "body as text"): "it waits for more",
    ("werkzeug", "body as text"): "it waits for more",
    ("waitress", "gone in the body"): "it never calls the app",
    ("granian", "bare_bytes"): "it sends the head, or does not",
    ("granian", "fails_midway"): "it sends the first part, or does not",
    ("granian", "big body by lines"): "its lines are as the network's pieces",
}
"""Visits that show nothing, because the server behaves unpredictably without the middleware."""


@pytest.fixture(scope="module", params=SERVERS)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Return the results of all visits to one server."""
    module, *arguments = SERVERS[request.param]
    need(module)
    folder: Path = tmp_path_factory.mktemp("wsgi")
    log = folder / "log"
    settings = {"SQREEN_URL": f"file://{folder}/events"}
    port = free_port()
    command = ["-m", module, *(argument.format(port=port) for argument in arguments)]
    with run_server(command, port=port, log=log, settings=settings):
        return outcome(port, _visits(request.param), log)


def _visits(server: str) -> dict[str, Visit]:
    return {name: visit for name, visit in VISITS.items() if (server, name) not in UNEQUAL}


@pytest.mark.parametrize("name", VISITS)
def test_client_and_app_see_the_same(served: Outcome, name: str) -> None:
    """The middleware changes no byte on the socket, and no call of the app."""
    if name not in served.seen["bare"]:
        pytest.skip("this server is unpredictable with any application")
    assert served.seen["wrapped"][name] == served.seen["bare"][name]


def test_server_logs_the_same(served: Outcome) -> None:
    """The server logs the same access lines and errors as without the middleware."""
    assert served.log["wrapped"] == served.log["bare"]
    assert served.log["bare"]
