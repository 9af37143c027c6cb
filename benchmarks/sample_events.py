"""Events as agents send them now, for measurements of ingest."""

import gzip
import time

from msgspec import Raw

from sqreen_mw.protocol.batch import Envelope, encode_batch, encode_event
from sqreen_mw.protocol.event import Event, Params, RequestInfo
from sqreen_mw.protocol.event_id import new_event_id


def sample_event(number: int) -> Event:
    """Return an event of the present. Its values repeat after some hundred numbers."""
    now = time.time_ns() // 1_000_000
    return Event(
        id=new_event_id(now),
        name=("coupon.applied", "order.paid", "basket.item_added")[number % 3],
        timestamp=now,
        properties={"code": f"SPRING{number % 50}", "discount": 12.5, "first": True},
        user_identifiers={"email": f"user{number % 200}@example.org"},
        request=RequestInfo(
            verb="POST",
            path=f"/coupons/SPRING{number % 50}",
            ip=f"203.0.113.{number % 250}",
            user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Firefox/145.0",
            host="shop.example.com",
            route="/coupons/{code}",
            status=200,
            params=Params(query={"ref": ["newsletter"]}, path={"code": "SPRING"}),
        ),
    )


def sample_batch(size: int) -> bytes:
    """Return the JSON of a batch of new events."""
    events = [Raw(encode_event(sample_event(number))) for number in range(size)]
    return encode_batch(Envelope(events=events))


def compressed_batch(size: int) -> bytes:
    """Return a batch of new events as it is sent."""
    return gzip.compress(sample_batch(size), compresslevel=1)
