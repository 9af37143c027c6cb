"""How much memory does a process use while its collector is down?

100,000 requests track an event each, a tenth of them with a JSON body of 16 KiB. The resident
memory is compared with that after the first event.

::

    python -m benchmarks.full_queue_memory --events 100000
"""

import argparse
import asyncio
import json
import resource
import socket
import sys
from pathlib import Path
from typing import Final

import sqreen_mw as sqreen
from benchmarks.drive.requests import scope
from benchmarks.peers.peer import Message, Receive, Scope, Send

QUEUE_MIB: Final = 16.0
GOAL_MIB: Final = QUEUE_MIB + 15.0
BODY_BYTES: Final = 16 * 1024
EVERY: Final = 10
"""One of ten events has a body."""

_NO_BODY: Final = b"{}"
_HEADERS: Final = [(b"content-type", b"text/plain"), (b"content-length", b"2")]


def main() -> None:
    """Print the largest growth of the process.

    Raises:
        SystemExit: The growth is above the goal.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--events", type=int, default=100_000)
    events: int = parser.parse_args().events
    with socket.socket() as closed:  # bound, but not listening: every connection is refused
        closed.bind(("127.0.0.1", 0))
        grown, counts = _grown_by(events, closed.getsockname()[1])
    line = f"{events:,} events tracked: {grown:+.1f} MiB at most, the goal is {GOAL_MIB:g}"
    sys.stdout.write(f"{line}\n{counts}\n")
    if grown > GOAL_MIB:
        raise SystemExit(1)


def _grown_by(events: int, port: int) -> tuple[float, str]:
    """Return the largest growth in MiB, and the counters of the events."""
    url = f"http://127.0.0.1:{port}"
    app = sqreen.SqreenMiddleware(_app, url=url, token="sqm_benchmark")
    asyncio.run(_serve(app, EVERY))
    sqreen.flush(1.0)
    before = _resident()
    asyncio.run(_serve(app, events))
    sqreen.flush(1.0)
    # The maximum so far, in KiB on Linux.
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return (most - before) / 2**20, str(sqreen.stats())


async def _serve(app: sqreen.SqreenMiddleware, count: int) -> None:
    for number in range(count):
        body = _body(number) if number % EVERY == 0 else _NO_BODY
        request = scope(number)
        request["method"] = "POST"
        request["headers"].append((b"content-type", b"application/json"))
        request["headers"].append((b"content-length", str(len(body)).encode()))

        async def receive(body: bytes = body) -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await app(request, receive, _send)
        await asyncio.sleep(0)


def _body(number: int) -> bytes:
    fields = {f"field {place}": f"{number:08} " * 100 for place in range(17)}
    return json.dumps(fields).encode()[: BODY_BYTES - 3].rsplit(b",", 1)[0] + b"}"


async def _app(_scope: Scope, receive: Receive, send: Send) -> None:
    has_body = len((await receive())["body"]) > len(_NO_BODY)
    properties = {"code": "SPRING", "discount": 12.5, "first": True}
    sqreen.track("coupon.applied", properties=properties, collect_body=has_body)
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": b"ok"})


async def _send(_message: Message) -> None:
    """Ignore the message."""


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    main()
