from pathlib import Path

import pytest

from tests.support.optional import need
from tests.support.ports import free_port
from tests.support.server_process import run_server
from tests.transparency.asgi_apps import HTTP
from tests.transparency.raw_http import Visit
from tests.transparency.serving import Outcome, outcome
from tests.transparency.visits import ANY, WEBSOCKETS, gets, gone_in_body

pytestmark = pytest.mark.slow

SITE = "tests.transparency.asgi_site:app"
SERVERS = {
    "uvicorn": ["uvicorn", "--ws", "wsproto", "--port", "{port}", SITE],
    "hypercorn": ["hypercorn", "--access-logfile", "-", "-b", "127.0.0.1:{port}", SITE],
    "hypercorn-trio": [
        *("hypercorn", "-k", "trio", "--access-logfile", "-", "-b", "127.0.0.1:{port}", SITE),
    ],
    "granian": ["granian", "--interface", "asgi", "--access-log", "--port", "{port}", SITE],
}
VISITS = {
    **gets(name for name in HTTP if name != "until_disconnect"),
    **ANY,
    "gone midway": Visit(behaviour="until_disconnect", hangs_up_at=b"first"),
    "gone in the body": gone_in_body("reads_all"),
    **WEBSOCKETS,
}


UNEQUAL = {("hypercorn-trio", "sends_file"): "it never ends such an answer"}
"""Visits that show nothing, because the server behaves unpredictably without the middleware."""


@pytest.fixture(scope="module", params=SERVERS)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Return the results of all visits to one server."""
    module, *arguments = SERVERS[request.param]
    need(module)
    if "trio" in request.param:
        need("trio")
    need("wsproto")
    folder: Path = tmp_path_factory.mktemp("asgi")
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
    """The middleware changes no byte on the socket, and no call."""
    if name not in served.seen["bare"]:
        pytest.skip("this server is unpredictable with any application")
    bare, wrapped = served.seen["bare"][name], served.seen["wrapped"][name]

    assert wrapped == bare
    assert len(bare.lines) > 4


def test_server_logs_the_same(served: Outcome) -> None:
    """The server logs the same access lines and errors as without the middleware."""
    assert served.log["wrapped"] == served.log["bare"]
    assert len(served.log["bare"]) > len(VISITS)
