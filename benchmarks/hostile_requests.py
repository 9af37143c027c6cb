"""How much time do hostile requests and values add to the thread that serves them?

::

    python -m benchmarks.hostile_requests --rounds 20
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import sqreen_mw as sqreen
from sqreen_mw.middleware.asgi import SqreenMiddleware
from tests.transparency.asgi_drive import scope_of
from tests.transparency.asgi_tap import App, Message, Receive, Scope, Send
from tests.transparency.hostile import PROPERTIES, SCOPES

GOAL_MS = 5.0
OWN_TIME = {"slow"}
"""Values whose own text takes long."""


def main() -> None:
    """Print the time of each case, the slowest last.

    Raises:
        SystemExit: A case takes longer than the goal.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20)
    rounds: int = parser.parse_args().rounds
    wrapped = SqreenMiddleware(_tracks, url="memory://benchmark")
    costs = {f"scope, {name}": _scope_cost(wrapped, SCOPES[name], rounds) for name in SCOPES}
    for name in PROPERTIES.keys() - OWN_TIME:
        costs[f"track, {name}"] = _track_cost(name, rounds)
    for name, milliseconds in sorted(costs.items(), key=lambda item: item[1]):
        sys.stdout.write(f"{milliseconds:8.3f} ms  {name}\n")
    if max(costs.values()) > GOAL_MS:
        raise SystemExit(1)


def _scope_cost(wrapped: App, more: dict[str, Any], rounds: int) -> float:
    """Return the milliseconds that the middleware adds to a request with an event."""
    return _median(partial(_serve, wrapped, more), rounds) - _median(
        partial(_serve, _answers, more), rounds
    )


def _track_cost(name: str, rounds: int) -> float:
    return _median(partial(sqreen.track, "x", properties=PROPERTIES[name]), rounds)


def _median(call: Callable[[], object], rounds: int) -> float:
    """Return the median milliseconds of this thread's CPU time."""
    times: list[float] = []
    for _ in range(rounds):
        begin = time.thread_time()
        call()
        times.append(time.thread_time() - begin)
    sqreen.flush()
    return statistics.median(times) * 1000


def _serve(app: App, more: dict[str, Any]) -> None:
    running: Any = app(scope_of("http", "x", **more), _receive, _send)
    asyncio.run(running)


async def _answers(_scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x"})


async def _tracks(scope: Scope, receive: Receive, send: Send) -> None:
    await _answers(scope, receive, send)
    sqreen.track("x")


async def _receive() -> Message:
    return {"type": "http.request", "body": b"x", "more_body": False}


async def _send(_message: Message) -> None:
    """Ignore the message."""


if __name__ == "__main__":
    main()
