"""A real HTTP proxy on loopback: it tunnels CONNECT requests and forwards the others."""

import base64
import http.client
import select
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from tests.support.http_server import http_server


@dataclass
class RealProxy:
    """A running proxy, and what was asked of it.

    ``login`` is a name and a password with a colon between, if it wants any; ``refuses`` is a
    status that it answers every CONNECT with.
    """

    url: str = ""
    login: str | None = None
    refuses: HTTPStatus | None = None
    asked: list[str] = field(default_factory=list)


@contextmanager
def proxy(
    told: RealProxy | None = None, *, tls: ssl.SSLContext | None = None
) -> Iterator[RealProxy]:
    """Run a proxy; with a context, one that is itself spoken to over TLS."""
    running = told or RealProxy()

    class Handler(_Handler):
        told = running

    with http_server(Handler, tls=tls) as port:
        running.url = f"{'http' if tls is None else 'https'}://localhost:{port}"
        yield running


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    told: RealProxy

    def do_CONNECT(self) -> None:
        self.told.asked.append(f"CONNECT {self.path}")
        host, _, port = self.path.rpartition(":")
        if self._is_let_in():
            with socket.create_connection((host, int(port))) as there:
                self.send_response_only(HTTPStatus.OK)
                self.end_headers()
                _pass_on(self.connection, there)
        self.close_connection = True

    def do_POST(self) -> None:
        self.told.asked.append(f"POST {self.path}")
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self._is_let_in():
            return
        parts = urlsplit(self.path)
        there = http.client.HTTPConnection(parts.hostname or "", parts.port)
        headers = {k: v for k, v in self.headers.items() if k != "Proxy-Authorization"}
        there.request("POST", parts.path, body, headers)
        answer = there.getresponse()
        said = answer.read()
        there.close()
        self.send_response_only(answer.status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def _is_let_in(self) -> bool:
        status = self.told.refuses
        if self.told.login is not None:
            wanted = base64.b64encode(self.told.login.encode()).decode()
            if self.headers["Proxy-Authorization"] != f"Basic {wanted}":
                status = HTTPStatus.PROXY_AUTHENTICATION_REQUIRED
        if status is None:
            return True
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        return False

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until one side is done."""
    while True:
        pending = isinstance(one, ssl.SSLSocket) and one.pending()
        readable = [one] if pending else select.select([one, other], [], [])[0]
        for here in readable:
            data = here.recv(65_536)
            if not data:
                return
            (other if here is one else one).sendall(data)
