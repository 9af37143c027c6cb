"""How long does scrubbing take for usual events and hostile texts?

::

    python -m benchmarks.scrubbing_time
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from sqreen_mw.scrubbing.scrubber import Scrubber

ROUNDS = 300
GOALS_US = {"an event seen before": 8.0, "an event, all new": 20.0}
LONG = 16 * 1024
GOAL_LONG_MS = 10.0
AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.{}.0 Safari/537.36"
)
HOSTILE = (
    *("a", " ", "=", ":", "a=", "a:", "a b", "1", "4111 ", "4111 1111 1111 1112 ", "4-", "eyJ"),
    *("4111111111111111", "eyJabcdefgh-", "://a:b@", "password=", 'password="', "password: "),
    *("password is ", "token -> ", "Cookie: ", "Authorization: ", "%3D", "bearer a", "sk-"),
    *("-----BEGIN PRIVATE KEY-----", "curl -u a:", "--token ", "<password>", "<a b=", "é="),
    *("<input name=password value=", "('token', '", "login a password ", "jdbc:oracle:a:b/"),
    *("name: password, value: ", "password for a ", "\u0661", "aB3/", "1:AA"),
    *("user x password ", "://a:user x password ", "the item is sold out ", "->1", " is '"),
)


def main() -> None:
    """Print the shortest time of each case, and mark those above the goal."""
    scrubber = Scrubber()
    seen = _event(7)
    costs = {
        "an event seen before": _least(lambda _: scrubber.value(seen), ROUNDS),
        "an event, all new": _least(lambda number: scrubber.value(_event(number)), ROUNDS),
    }
    for name, cost in costs.items():
        _print(f"{cost * 1e6:8.1f} us  {name}", late=cost * 1e6 > GOALS_US[name])
    longs = {part: (part * LONG)[:LONG] for part in HOSTILE}
    slow = {part: _least(partial(_long, scrubber, text), 3) for part, text in longs.items()}
    for part, cost in sorted(slow.items(), key=lambda item: item[1]):
        _print(
            f"{cost * 1e3:8.2f} ms  {LONG} characters of {part!r}", late=cost * 1e3 > GOAL_LONG_MS
        )


def _print(line: str, *, late: bool) -> None:
    sys.stdout.write(f"{line}{'  (above the goal)' if late else ''}\n")


def _least(call: Callable[[int], object], rounds: int) -> float:
    """Return the shortest CPU time of this thread in seconds; other work only adds to it."""
    costs: list[float] = []
    for number in range(rounds):
        begin = time.perf_counter()
        call(number)
        costs.append(time.perf_counter() - begin)
    return min(costs)


def _long(scrubber: Scrubber, text: str, _round: int) -> None:
    scrubber.text(text)


def _event(number: int) -> dict[str, Any]:
    return {
        "name": "coupon.applied",
        "verb": "GET",
        "path": f"/coupons/SPRING{number}",
        "id": f"0190c2f0-7d1c-7{number % 1000:03}-9a1b-3f6c{number:08}",
        "agent": AGENT.format(number),
        "host": "shop.example.com",
        "route": "/coupons/{code}",
        "email": f"jane{number}@example.org",
        "properties": {"code": f"SPRING{number}", "currency": "EUR", "amount": 12.5, "items": 3},
        "who": f"Jane Doe {number}",
        "what": f"red running shoes, size {number}",
        "ip": f"203.0.113.{number % 256}",
        "query": {"page": [f"page={number}"]},
        "language": "de-DE",
    }


if __name__ == "__main__":
    main()
