"""Events as agents send them now, for measurements of ingest."""

import gzip
import random
import time
from typing import Final

from msgspec import Raw

from sqreen_mw.protocol.batch import Envelope, encode_batch, encode_event
from sqreen_mw.protocol.event import Event, Params, RequestInfo
from sqreen_mw.protocol.event_id import new_event_id

USERS: Final = 100_000

_chance: Final = random.Random(7)  # noqa: S311 - repeatable data needs no secure random numbers


def sample_event(number: int) -> Event:
    """Return an event of the present. Each number has a user and an address of its own."""
    now = time.time_ns() // 1_000_000
    return Event(
        id=new_event_id(now),
        name=("coupon.applied", "order.paid", "basket.item_added")[number % 3],
        timestamp=now,
        properties={"code": f"SPRING{number % 50}", "discount": 12.5, "first": True},
        user_identifiers={"email": f"user{number}@example.org"},
        request=RequestInfo(
            verb="POST",
            path=f"/coupons/SPRING{number % 50}",
            ip=f"198.{18 + number // 62_500 % 2}.{number // 250 % 250}.{number % 250}",
            user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Firefox/145.0",
            host="shop.example.com",
            route="/coupons/{code}",
            status=200,
            params=Params(query={"ref": ["newsletter"]}, path={"code": "SPRING"}),
        ),
    )


def sample_events(size: int) -> list[Event]:
    """Return new events of random users and addresses."""
    return [sample_event(_chance.randrange(USERS)) for _ in range(size)]


def sample_batch(size: int) -> bytes:
    """Return the JSON of a batch of new events."""
    return encode_batch(Envelope(events=[Raw(encode_event(one)) for one in sample_events(size)]))


def compressed_batch(size: int) -> bytes:
    """Return a batch of new events as it is sent."""
    return gzip.compress(sample_batch(size), compresslevel=1)
