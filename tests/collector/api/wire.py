"""Events and heartbeats as an agent sends them."""

import time
from typing import Any

from sqreen_mw.protocol.event_id import new_event_id


def now() -> int:
    """Return the current time in milliseconds."""
    return time.time_ns() // 1_000_000


def wire_event(name: str = "coupon.applied", **members: Any) -> dict[str, Any]:
    """Return a new event with the current time, as an agent sends it."""
    at = now()
    return {"id": new_event_id(at), "event": name, "timestamp": at, **members}


def wire_heartbeat(**members: Any) -> dict[str, Any]:
    """Return a heartbeat with the current time, as an agent sends it."""
    at = now()
    queue = {"tracked": 1, "delivered": 1, "waiting": 0}
    heartbeat = {"instance_id": "one", "sdk": "test/1", "started_at": at - 1000, "sent_at": at}
    return {**heartbeat, "queue": queue, **members}
