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
    """A running proxy.

    Attributes:
        url: Its address.
        login: The required name and password, with a colon between.
        refuses: The status of each response, if it refuses all requests.
        requests: The received request lines.
    """

    url: str = ""
    login: str | None = None
    refuses: HTTPStatus | None = None
    requests: list[str] = field(default_factory=list)


@contextmanager
def proxy(
    prepared: RealProxy | None = None, *, tls: ssl.SSLContext | None = None
) -> Iterator[RealProxy]:
    """Run a proxy; with a context, clients connect to it over TLS."""
    running = prepared or RealProxy()

    class Handler(_Handler):
        proxy = running

    with http_server(Handler, tls=tls) as port:
        running.url = f"{'http' if tls is None else 'https'}://localhost:{port}"
        yield running


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: RealProxy

    def do_CONNECT(self) -> None:
        self.proxy.requests.append(f"CONNECT {self.path}")
        host, _, port = self.path.rpartition(":")
        if self._is_allowed():
            with socket.create_connection((host, int(port))) as there:
                self.send_response_only(HTTPStatus.OK)
                self.end_headers()
                _copy(self.connection, there)
        self.close_connection = True

    def do_POST(self) -> None:
        self.proxy.requests.append(f"POST {self.path}")
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self._is_allowed():
            return
        parts = urlsplit(self.path)
        there = http.client.HTTPConnection(parts.hostname or "", parts.port)
        headers = {k: v for k, v in self.headers.items() if k != "Proxy-Authorization"}
        there.request("POST", parts.path, body, headers)
        answer = there.getresponse()
        body = answer.read()
        there.close()
        self.send_response_only(answer.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _is_allowed(self) -> bool:
        status = self.proxy.refuses
        if self.proxy.login is not None:
            expected = base64.b64encode(self.proxy.login.encode()).decode()
            if self.headers["Proxy-Authorization"] != f"Basic {expected}":
                status = HTTPStatus.PROXY_AUTHENTICATION_REQUIRED
        if status is None:
            return True
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        return False

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


def _copy(one: socket.socket, other: socket.socket) -> None:
    """Copy bytes in both directions until one side closes."""
    while True:
        pending = isinstance(one, ssl.SSLSocket) and one.pending()
        readable = [one] if pending else select.select([one, other], [], [])[0]
        for here in readable:
            data = here.recv(65_536)
            if not data:
                return
            (other if here is one else one).sendall(data)
