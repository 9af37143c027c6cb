"""The request of all benchmarks. Its values are new objects each time, like those of a server."""

from typing import Any

_HEAD = b"""host: shop.example.com
user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0
accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8
accept-language: en-US,en;q=0.5
accept-encoding: gzip, deflate, br
cookie: session=4f1c2a9be0d7
connection: keep-alive
x-forwarded-for: 203.0.113.7
x-request-id: 5e0f6a0c-%d"""

PATH = "/coupons/SPRING"
QUERY = "ref=newsletter&page=2"


def scope(number: int) -> dict[str, Any]:
    """Return a new ASGI scope."""
    lines = (_HEAD % number).split(b"\n")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 20_000 + number % 40_000),
        "scheme": "http",
        "method": "GET",
        "root_path": "",
        "path": (PATH + "?").removesuffix("?"),
        "raw_path": PATH.encode(),
        "query_string": QUERY.encode(),
        "headers": [tuple(line.split(b": ", 1)) for line in lines],
        "state": {},
    }


def environ(number: int) -> dict[str, Any]:
    """Return a new WSGI environ."""
    headers = dict(line.split(": ", 1) for line in (_HEAD % number).decode().split("\n"))
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": (PATH + "?").removesuffix("?"),
        "QUERY_STRING": (QUERY + "?").removesuffix("?"),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": str(20_000 + number % 40_000),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **{f"HTTP_{name.upper().replace('-', '_')}": text for name, text in headers.items()},
    }
