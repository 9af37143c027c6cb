"""How long does scrubbing take for usual events, texts of 4 KiB, and hostile texts?

::

    python -m benchmarks.scrubbing_time
"""

import json
import sys
import time
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any
from uuid import UUID

from sqreen_mw.scrubbing.scrubber import Scrubber

ROUNDS = 300
GOALS_US = {"an event seen before": 8.0, "an event, all new": 20.0}
TEXT = 4 * 1024
GOAL_TEXT_US = 250.0
TEXT_ROUNDS = 200
LONG = 16 * 1024
GOAL_LONG_MS = 10.0
RANDOM = Random(7)  # noqa: S311 - texts to measure
SENTENCE = (
    "The order of red running shoes was shipped to Berlin, and the customer {} asked for an "
    "invoice with the code of the account; the status of the session is paid by card on Friday. "
)
AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.{}.0 Safari/537.36"
)
KINDS: dict[str, Callable[[], str]] = {
    "prose": lambda: SENTENCE.format(_number(5)),
    "JSON": lambda: json.dumps(
        {"order": _number(6), "user_id": _uuid(), "status": "paid", "token_count": 5, "key": "v"}
    ),
    "log lines": lambda: (
        f"2026-11-30 12:{_number(2)}:01 INFO [worker-3] app.orders: order={_number(8)} "
        f"state=paid path=/orders/{_number(6)}?page=3 duration=12ms\n"
    ),
    "access log": lambda: (
        f'203.0.113.7 - - [30/Nov/2026:12:00:01 +0000] "GET /products/{_number(6)}?page=2 HTTP/1.1"'
        ' 200 5123 "https://shop.example/" "Mozilla/5.0 (X11; Linux x86_64) Chrome/126.0"\n'
    ),
    "traceback": lambda: (
        f'  File "/srv/app/views/checkout.py", line {_number(3)}, in checkout\n'
        '    raise ValueError("bad code: %s" % code)\n'
    ),
    "HTML": lambda: f'<div class="c{_number(2)}"><a href="/p/{_number(3)}">Red shoes</a></div>\n',
    "form": lambda: f"field{_number(2)}=value{_number(2)}&",
    "headers": lambda: f"Accept: text/html\r\nX-Request-Id: {_uuid()}\r\nHost: shop.example\r\n",
    "URLs": lambda: (
        f"https://shop.example/products/red-shoes-{_number(5)}?color=red&size=42&utm_source=news "
    ),
    "UUIDs": lambda: f"{_uuid()} ",
    "Base64": lambda: b64encode(RANDOM.randbytes(TEXT)).decode(),
    "hexadecimal digits": lambda: RANDOM.randbytes(TEXT).hex(),
    "digits": lambda: _number(TEXT),
    "groups of digits": lambda: f"{_number(4)} ",
    "Chinese": lambda: "订单已经发货 客户要求开具发票。",
    "JSON with a secret": lambda: json.dumps({"order": _number(6), "total": 12.5, "items": [1, 2]}),
}
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
    for kind, make in KINDS.items():
        texts = [_text(make, secret="secret" in kind) for _ in range(TEXT_ROUNDS)]
        cost = _least(partial(_scrub, scrubber, texts), TEXT_ROUNDS)
        _print(f"{cost * 1e6:8.1f} us  {TEXT} characters: {kind}", late=cost * 1e6 > GOAL_TEXT_US)
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


def _scrub(scrubber: Scrubber, texts: list[str], number: int) -> None:
    scrubber.text(texts[number])


def _number(digits: int) -> str:
    return f"{RANDOM.randrange(10**digits):0{digits}}"


def _uuid() -> str:
    return str(UUID(int=RANDOM.getrandbits(128), version=4))


def _text(make: Callable[[], str], *, secret: bool) -> str:
    """Return a text of 4 KiB that was never scrubbed before."""
    text = '{"password": "hunter2"} ' if secret else ""
    while len(text) < TEXT:
        text += make()
    return text[:TEXT]


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
