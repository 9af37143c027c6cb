"""Write an event database of realistic size, the same for each run with the same end.

::

    python -m benchmarks.event_database DIRECTORY --events 10000000

Names, users, addresses and properties are zipf-distributed over 30 days, as visitors of a real app
are. 10 million events need 8 GB and some minutes.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from sqreen_mw.collector.events import open_event_store
from sqreen_mw.collector.events.base import AcceptedBatch
from sqreen_mw.protocol.event import Event, Params, RequestInfo

DAYS: Final = 30
DAY: Final = 24 * 60 * 60 * 1000
APP: Final = "shop"
ENV: Final = "production"
BATCH: Final = 1000
FREQUENT_USER: Final = "user0@example.org"
FREQUENT_IP: Final = "203.0.113.1"
COMMON_TEXT: Final = "SPRING"
ABSENT_TEXT: Final = "nowhere-to-be-found"

_NAMES: Final = (
    *("sq.sdk.users.login", "feature.search", "feature.export", "basket.item_added"),
    *("order.paid", "coupon.applied", "order.shipped", "sq.sdk.users.signup", "password.changed"),
    *(f"feature.{number}" for number in range(40)),
)
_AGENTS: Final = tuple(
    f"Mozilla/5.0 (X11; Linux x86_64; rv:{100 + number}.0) Gecko/20100101 Firefox/{100 + number}.0"
    for number in range(40)
)
_T = TypeVar("_T")


def main() -> None:
    """Write the database and print its path, size and time."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("directory", nargs="?", type=Path, help="by default a temporary one")
    parser.add_argument("--events", type=int, default=10_000_000)
    given = parser.parse_args()
    folder = given.directory or Path(tempfile.mkdtemp(prefix="sqreen-events-"))
    begin = time.monotonic()
    path = write_event_database(folder, events=given.events)
    took = time.monotonic() - begin
    size = sum(file.stat().st_size for file in folder.rglob("*.db"))
    print(f"{path}: {given.events:,} events, {size / 1e9:.1f} GB, {took:.0f} s")  # noqa: T201 - the result of the command


def write_event_database(folder: Path, *, events: int, end: int | None = None) -> Path:
    """Write ``events.db`` and its periods in a folder, and return its path.

    Args:
        folder: The data folder of a collector. It must not have events yet.
        events: Number of events.
        end: Time of the last event in milliseconds, by default now.

    Raises:
        FileExistsError: The folder has a database already.
    """
    path = folder / "events.db"
    if path.exists():
        raise FileExistsError(f"{path} exists: choose another directory, or delete it")
    store = open_event_store(f"sqlite:///{path}")
    try:
        for batch in _batches(events, time.time_ns() // 1_000_000 if end is None else end):
            store.append(batch)
    finally:
        store.close()
    return path


def _batches(events: int, end: int) -> Iterator[AcceptedBatch]:
    chance = random.Random(7)  # noqa: S311 - repeatable data needs no secure random numbers
    columns = (
        _Zipf(chance, _NAMES),
        _Zipf(chance, range(200_000)),
        _Zipf(chance, [_address(rank) for rank in range(60_000)]),
        _Zipf(chance, _AGENTS),
        _Zipf(chance, [_code(rank) for rank in range(500)]),
    )
    start, step = end - DAYS * DAY, DAYS * DAY / events
    for first in range(0, events, BATCH):
        numbers = range(first, min(first + BATCH, events))
        drawn = zip(*(column.draw(len(numbers)) for column in columns), strict=True)
        made = [
            _event(start + int((number + 1) * step), chance.getrandbits(74), *values)
            for number, values in zip(numbers, drawn, strict=True)
        ]
        at = made[-1].timestamp
        yield AcceptedBatch(
            app=APP, env=ENV, release="1.0", received_at=at + 300, sent_at=at + 200, events=made
        )


def _event(at: int, bits: int, *values: Any) -> Event:
    name, user, ip, agent, code = values
    whole = at << 80 | 7 << 76 | (bits >> 62) << 64 | 2 << 62 | bits & (1 << 62) - 1
    section, item, paid = code[:3].lower(), str(bits % 5000), bits % 900
    return Event(
        id=str(UUID(int=whole)),
        name=name,
        timestamp=at,
        properties={
            "code": code,
            "amount": paid,
            "plan": "gold" if bits % 9 else "free",
            "first": bool(bits % 3),
        },
        user_identifiers={"email": f"user{user}@example.org", "id": user},
        identity="established",
        request=RequestInfo(
            verb="POST",
            path=f"/shop/{section}/items/{item}",
            id=f"{bits >> 10:016x}",
            ip=ip,
            ip_source="proxy",
            user_agent=agent,
            host="shop.example.com",
            route="/shop/{section}/items/{item}",
            status=200 if bits % 20 else 404,
            params=Params(
                query={"ref": ["newsletter"], "page": [str(bits % 7)]},
                path={"section": section, "item": item},
            ),
        ),
    )


class _Zipf(Generic[_T]):
    """Draws values, the first one most often."""

    def __init__(self, chance: random.Random, values: Sequence[_T]) -> None:
        self._chance = chance
        self._values = values
        self._weights = list(accumulate(1 / (rank + 1) for rank in range(len(values))))

    def draw(self, count: int) -> list[_T]:
        return self._chance.choices(self._values, cum_weights=self._weights, k=count)


def _address(rank: int) -> str:
    return FREQUENT_IP if rank == 0 else f"198.{18 + rank % 2}.{rank // 2 % 250}.{rank // 500}"


def _code(rank: int) -> str:
    return f"{(COMMON_TEXT, 'AUTUMN', 'WINTER')[rank % 3]}{rank}"


if __name__ == "__main__":
    main()
