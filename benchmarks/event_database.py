"""Write an event database of realistic size, the same for each run with the same end.

::

    python -m benchmarks.event_database DIRECTORY --events 10000000

Names, users, addresses and properties are zipf-distributed over 30 days, as visitors of a real app
are. 10 million events need 8 GB and some minutes.
"""

import argparse
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Final, Generic, TypeVar

from sqreen_mw.collector.database_file import make_private_file
from sqreen_mw.collector.events.packed_ip import packed_ip
from sqreen_mw.collector.events.sqlite.schema import connect, prepare

DAYS: Final = 30
DAY: Final = 24 * 60 * 60 * 1000
APP: Final = "shop"
ENV: Final = "production"
CHUNK: Final = 20_000
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
_JSON: Final = (
    '{"id":"%s","event":"%s","timestamp":%d,'
    '"properties":{"code":"%s","amount":%d,"plan":"%s","first":%s},'
    '"user_identifiers":{"email":"user%d@example.org","id":%d},'
    '"request":{"verb":"POST","path":"/shop/%s/items/%d","id":"%016x","ip":"%s",'
    '"ip_source":"proxy","user_agent":"%s","host":"shop.example.com",'
    '"route":"/shop/{section}/items/{item}","status":%d,'
    '"params":{"query":{"ref":["newsletter"],"page":["%d"]},'
    '"path":{"section":"%s","item":"%d"}}}}'
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
    took, size = time.monotonic() - begin, path.stat().st_size
    print(f"{path}: {given.events:,} events, {size / 1e9:.1f} GB, {took:.0f} s")  # noqa: T201 - the result of the command


def write_event_database(folder: Path, *, events: int, end: int | None = None) -> Path:
    """Write ``events.db`` in a folder and return its path.

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
    make_private_file(path, setting="DIRECTORY")
    connection = connect(path, cache_kib=256 * 1024)
    try:
        prepare(connection)
        _fill(connection, events, time.time_ns() // 1_000_000 if end is None else end)
    finally:
        connection.close()
    return path


def _fill(connection: sqlite3.Connection, events: int, end: int) -> None:
    # Indexes are built at the end, because sorting is faster than inserting at random places.
    indexes = connection.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
    ).fetchall()
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA temp_store = FILE")
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    connection.execute("CREATE TEMP TABLE unsorted (value TEXT, timestamp INTEGER, seq INTEGER)")
    connection.execute("BEGIN")
    words = (APP, ENV, "1.0", *_NAMES)
    connection.executemany("INSERT INTO words (text) VALUES (?)", [(word,) for word in words])
    for rows, users in _chunks(events, end):
        connection.executemany("INSERT INTO events VALUES (?,?,1,2,3,?,?,?,?,?)", rows)
        connection.executemany("INSERT INTO unsorted VALUES (?,?,?)", users)
    connection.execute(
        "INSERT INTO event_users SELECT DISTINCT * FROM unsorted ORDER BY value, timestamp, seq"
    )
    connection.execute("UPDATE last_seq SET seq = ?", (events,))
    for _, sql in indexes:
        connection.execute(sql)
    connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode = WAL")


def _chunks(
    events: int, end: int
) -> Iterator[tuple[list[tuple[object, ...]], list[tuple[object, ...]]]]:
    chance = random.Random(7)  # noqa: S311 - repeatable data needs no secure random numbers
    names = _Zipf(chance, range(4, 4 + len(_NAMES)))
    users = _Zipf(chance, range(200_000))
    places = _Zipf(chance, [(text, packed_ip(text)) for text in map(_address, range(60_000))])
    agents, codes = _Zipf(chance, _AGENTS), _Zipf(chance, [_code(n) for n in range(500)])
    start, step = end - DAYS * DAY, DAYS * DAY / events
    for first in range(0, events, CHUNK):
        numbers = range(first, min(first + CHUNK, events))
        rows: list[tuple[object, ...]] = []
        of_users: list[tuple[object, ...]] = []
        many = len(numbers)
        drawn = zip(
            numbers,
            names.draw(many),
            users.draw(many),
            places.draw(many),
            agents.draw(many),
            codes.draw(many),
            strict=True,
        )
        for number, name, user, (ip, packed), agent, code in drawn:
            at = start + int((number + 1) * step)
            bits = chance.getrandbits(74)
            whole = at << 80 | 7 << 76 | (bits >> 62) << 64 | 2 << 62 | bits & (1 << 62) - 1
            text = f"{whole:032x}"
            event_id = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
            section, item, paid = code[:3].lower(), bits % 5000, bits % 900
            json = _JSON % (
                *(event_id, _NAMES[name - 4], at, code, paid, "gold" if bits % 9 else "free"),
                *("true" if bits % 3 else "false", user, user, section, item, bits >> 10, ip),
                *(agent, 200 if bits % 20 else 404, bits % 7, section, item),
            )
            seq, received = number + 1, at + 300 + bits % 900
            rows.append((seq, whole.to_bytes(16), name, at, received, packed, json))
            of_users += ((f"user{user}@example.org", at, seq), (str(user), at, seq))
        yield rows, of_users


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
