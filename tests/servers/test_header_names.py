import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sqreen_mw.cli.doctor.server_flags import check_command
from tests.support.event_file import written_events
from tests.support.optional import need, need_program
from tests.support.ports import free_port
from tests.support.server_process import run_program, run_server
from tests.support.waiting import PATIENCE

SITE = "tests.servers.header_site"
PROXY = "127.0.0.1"
VISITOR = "203.0.113.9"
FORGED = "198.51.100.66"

GUNICORN = "gunicorn -b 127.0.0.1:{port} --no-control-socket"
EXACT = {
    "gunicorn": f"{GUNICORN} {SITE}:app",
    "gunicorn gevent": f"{GUNICORN} -k gevent {SITE}:app",
    "gunicorn dangerous": f"{GUNICORN} --header-map dangerous {SITE}:app",
    "waitress": (
        f"waitress --listen 127.0.0.1:{{port}} --no-clear-untrusted-proxy-headers {SITE}:app"
    ),
    "wsgiref": f"{SITE} wsgiref {{port}}",
    "werkzeug": f"{SITE} werkzeug {{port}}",
    "cheroot": f"{SITE} cheroot {{port}}",
    "gevent": f"{SITE} gevent {{port}}",
    "twisted": f"{SITE} twisted {{port}}",
    "uvicorn wsgi": f"uvicorn --port {{port}} --no-proxy-headers --interface wsgi {SITE}:app",
    "a2wsgi": f"uvicorn --port {{port}} --no-proxy-headers {SITE}:asgi_a2wsgi",
    "asgiref": f"uvicorn --port {{port}} --no-proxy-headers {SITE}:asgi_asgiref",
    "starlette": f"uvicorn --port {{port}} --no-proxy-headers {SITE}:asgi_starlette",
}
"""Servers and adapters that drop names with underscores, or keep the received names."""

MERGING = {
    "granian": f"granian --interface wsgi --port {{port}} {SITE}:app",
    "hypercorn": f"hypercorn --bind 127.0.0.1:{{port}} wsgi:{SITE}:app",
    "uwsgi": f"uwsgi --http-socket 127.0.0.1:{{port}} --module {SITE}:app",
}
"""Servers whose environ does not show how a name was spelled."""


@dataclass(frozen=True)
class Served:
    """A running site, and the file of its events."""

    port: int
    file: Path

    def ask(self, *lines: str) -> bytes:
        """Send a request with these header lines, and return the response."""
        message = "\r\n".join(["GET / HTTP/1.1", "Host: shop", *lines, "Connection: close", "", ""])
        return exchange(self.port, message.encode())

    def described(self, *lines: str) -> dict[str, Any]:
        """Return the request of the event of a request with these header lines."""
        self.ask(*lines)
        request: dict[str, Any] = written_events(self.file)[-1]["request"]
        return request


def exchange(port: int, message: bytes) -> bytes:
    """Send a message, and return the whole response."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(message)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@contextmanager
def serve(command: str, folder: Path, **settings: str) -> Iterator[Served]:
    """Run a server."""
    port, file = free_port(), folder / "events"
    module, *words = command.format(port=port).split()
    need(module.partition(".")[0])
    settings = {"SQREEN_URL": f"file://{file}", **settings}
    with run_server(["-m", module, *words], port=port, log=folder / "log", settings=settings):
        yield Served(port, file)


@contextmanager
def serve_uwsgi(flag: str, folder: Path) -> Iterator[Served]:
    """Run uWSGI with its HTTP server or its own protocol."""
    port, file = free_port(), folder / "events"
    command = [need_program("uwsgi"), flag, f"127.0.0.1:{port}", "--module", f"{SITE}:app"]
    command += ["--enable-threads", "--die-on-term"]
    settings = {"SQREEN_URL": f"file://{file}"}
    with run_program(command, port=port, log=folder / "log", settings=settings):
        yield Served(port, file)


def both_orders(*lines: str) -> Iterator[tuple[str, ...]]:
    """Yield the header lines in both orders."""
    yield lines
    yield lines[::-1]


@pytest.mark.parametrize("name", EXACT)
def test_header_with_underscores_never_counts(name: str, tmp_path: Path) -> None:
    """The event has the proxy's header, whatever a client sends under the name's twin."""
    with serve(EXACT[name], tmp_path) as site:
        for lines in both_orders(f"X-Forwarded-For: {VISITOR}", f"X_Forwarded_For: {FORGED}"):
            described = site.described(*lines)
            assert (described["ip"], described["ip_source"]) == (VISITOR, "proxy")
        chain = site.described(f"X-Forwarded-For: {FORGED}, {VISITOR}")
        assert chain["ip"] == VISITOR
        alone = site.described(f"X_Forwarded_For: {FORGED}", f"x_Forwarded-for: {FORGED}")
        assert (alone["ip"], alone.get("forwarded_ignored")) == (PROXY, None)
        for lines in both_orders("User-Agent: curl/8", "User_Agent: forged"):
            assert site.described(*lines)["user_agent"] == "curl/8"
        assert "user_agent" not in site.described("User_Agent: forged")


@pytest.mark.parametrize("name", MERGING)
def test_merged_header_is_not_read(name: str, tmp_path: Path) -> None:
    """The event has the connection's address if the server does not show the received names."""
    command = MERGING[name]
    running = (
        serve_uwsgi("--http-socket", tmp_path) if name == "uwsgi" else serve(command, tmp_path)
    )
    with running as site:
        for lines in (
            *both_orders(f"X-Forwarded-For: {VISITOR}", f"X_Forwarded_For: {FORGED}"),
            (f"X_Forwarded_For: {FORGED}",),
            (f"X-Forwarded-For: {VISITOR}",),
        ):
            described = site.described(*lines, "User_Agent: forged")
            assert described["ip"] == PROXY
            assert described["forwarded_ignored"]
            assert "user_agent" not in described
    assert "set SQREEN_IP_HEADER to a header without hyphens" in (tmp_path / "log").read_text()


def test_doctor_warns_of_servers_that_merge_names() -> None:
    """The doctor's findings agree with the behaviour of the servers."""
    levels = {
        name: check_command(command)[0].level for name, command in {**EXACT, **MERGING}.items()
    }

    assert levels.pop("gunicorn dangerous") == "problem"
    assert levels == {**dict.fromkeys(levels, "ok"), **dict.fromkeys(MERGING, "warning")}
    assert check_command(f"uwsgi --http=:80 --module {SITE}:app")[0].level == "warning"


@pytest.mark.parametrize("name", ["granian", "hypercorn"])
def test_header_without_hyphens_counts_on_each_server(name: str, tmp_path: Path) -> None:
    """A name without hyphens has no twin, so it is read on servers that merge names."""
    with serve(MERGING[name], tmp_path, SQREEN_IP_HEADER="ClientAddress") as site:
        described = site.described(f"ClientAddress: {VISITOR}", f"Client_Address: {FORGED}")

    assert (described["ip"], described["ip_source"]) == (VISITOR, "header")


def uwsgi_packet(variables: dict[str, str]) -> bytes:
    """Return a request in uWSGI's protocol, as nginx sends it."""
    pairs = b"".join(
        len(text).to_bytes(2, "little") + text.encode()
        for item in variables.items()
        for text in item
    )
    return b"\0" + len(pairs).to_bytes(2, "little") + b"\0" + pairs


def test_header_of_a_web_server_counts_with_the_uwsgi_protocol(tmp_path: Path) -> None:
    """A web server drops names with underscores before it uses uWSGI's protocol."""
    variables = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "REQUEST_SCHEME": "http",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "shop",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": PROXY,
        "HTTP_HOST": "shop",
        "HTTP_X_FORWARDED_FOR": VISITOR,
    }
    with serve_uwsgi("--socket", tmp_path) as site:
        exchange(site.port, uwsgi_packet(variables))

    [event] = written_events(site.file)
    assert (event["request"]["ip"], event["request"]["ip_source"]) == (VISITOR, "proxy")


@pytest.mark.parametrize(
    ("policy", "app", "drops"),
    [
        ("drop", "app", True),
        ("dangerous", "app", False),
        ("drop", "app_with_handler", True),
        ("dangerous", "app_with_handler", False),
        ("dangerous", "app_with_handlers", False),
    ],
)
def test_header_map_of_gunicorn_is_known(
    policy: str, app: str, tmp_path: Path, *, drops: bool
) -> None:
    """The environ alone, as in Django, is enough to find gunicorn's policy.

    An app may replace signal handlers of gunicorn, which lead to its settings.
    """
    with serve(f"{GUNICORN} --header-map {policy} {SITE}:{app}", tmp_path) as site:
        response = site.ask(f"X-Forwarded-For: {VISITOR}")
        forged = site.described(f"X_Forwarded_For: {FORGED}")

    assert json.loads(response.rpartition(b"\r\n\r\n")[2]) is drops
    assert forged["ip"] == PROXY


def test_waitress_deletes_the_header_by_default(tmp_path: Path) -> None:
    """Without its own setting for trusted proxies, waitress passes no X-Forwarded-For on."""
    command = f"waitress --listen 127.0.0.1:{{port}} {SITE}:app"
    trusted = f"{command} --trusted-proxy 127.0.0.1 --trusted-proxy-headers x-forwarded-for"
    with serve(command, tmp_path) as site:
        assert site.described(f"X-Forwarded-For: {VISITOR}")["ip"] == PROXY

    folder = tmp_path / "trusted"
    folder.mkdir()
    flags, _, app = trusted.partition(f" {SITE}:app")
    with serve(f"{flags}{app} {SITE}:app", folder) as site:
        described = site.described(f"X-Forwarded-For: {VISITOR}")
    assert (described["ip"], described.get("forwarded_ignored")) == (VISITOR, None)
