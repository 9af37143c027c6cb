"""Requests and events for tests of the agent."""

from typing import Any

from sqreen_mw.agent.config.config import Config
from sqreen_mw.agent.context import RequestContext
from sqreen_mw.agent.null import NullAgent
from sqreen_mw.agent.sealing import PendingEvent
from sqreen_mw.capture.json_copy import encode_json
from sqreen_mw.capture.request import RawRequest
from sqreen_mw.capture.request_body import RawBody
from sqreen_mw.protocol.event_id import new_event_id


class StubRequest(RequestContext):
    """A request with given values."""

    def __init__(self, body: RawBody | None = None, **changes: Any) -> None:
        self.agent = NullAgent(Config())
        self.given_body = body
        values: dict[str, Any] = {"verb": "GET", "path": "/", "query": b"", "headers": []}
        more: dict[str, Any] = {"peer": "203.0.113.9", "route": None, "path_params": {}}
        self.raw = RawRequest(**{**values, **more, **changes})

    def raw_request(self) -> RawRequest:
        """Return the request."""
        return self.raw

    def raw_body(self) -> RawBody | None:
        """Return the body."""
        return self.given_body


def pending(*, properties: dict[str, Any] | None = None, **changes: Any) -> PendingEvent:
    """Return a tracked event with some values changed."""
    properties_json = encode_json(properties) if properties else b""
    values: dict[str, Any] = {
        "id": new_event_id(0),
        "name": "x",
        "timestamp": 0,
        "tracked_at": 0.0,
        "properties_json": properties_json,
        "identity": None,
        "context": None,
        "with_body": False,
        "truncated": False,
        "size": 100,
    }
    return PendingEvent(**{**values, **changes})
