"""A contestant's Starlette application under uvicorn in its own process.

``/`` tracks and greets, ``/busy`` also works, ``/flush`` delivers the waiting events.
"""

import argparse
import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from benchmarks.drive.apps import asgi_app
from benchmarks.peers.peer import ASGIApp, Peer, Receive, Scope, Send, open_peer
from benchmarks.work import spinning, tracking

PATHS: Final = ("/", "/busy")
FLUSH: Final = "/flush"


class Served(NamedTuple):
    """A serving process and its URL."""

    pid: int
    url: str


@contextmanager
def serving(name: str, *, url: str, turns: int, core: int) -> Iterator[Served]:
    """Run a contestant's application. ``turns`` is the amount of work of ``/busy``."""
    given = ["--name", name, "--url", url, "--turns", str(turns), "--core", str(core)]
    command = [sys.executable, "-m", "benchmarks.site_process", *given]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield Served(process.pid, f"http://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.kill()


def main() -> None:
    """Serve on a free port, which is printed, until the process is stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--turns", type=int, required=True)
    parser.add_argument("--core", type=int, required=True)
    given = parser.parse_args()
    os.sched_setaffinity(0, {given.core})
    app = application(open_peer(given.name, given.url), given.turns)
    listener = socket.create_server(("127.0.0.1", 0))
    # Head and body are two packets. Without this, the second can wait for an ACK of the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    config = uvicorn.Config(app, access_log=False, log_level="error", lifespan="off")
    uvicorn.Server(config).run(sockets=[listener])


def application(peer: Peer, turns: int) -> ASGIApp:
    """Return a Starlette application inside the contestant's middleware, and ``/flush``."""

    async def greet(_: Request) -> PlainTextResponse:
        tracking(peer)
        return PlainTextResponse("Hello, world")

    async def work(_: Request) -> PlainTextResponse:
        tracking(peer)
        spinning(turns)
        return PlainTextResponse("Hello, world")

    site = peer.wrap_asgi(Starlette(routes=[Route(PATHS[0], greet), Route(PATHS[1], work)]))
    done = asgi_app()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == FLUSH:
            await asyncio.to_thread(peer.flush)
            await done(scope, receive, send)
        else:
            await site(scope, receive, send)

    return app


if __name__ == "__main__":
    main()
