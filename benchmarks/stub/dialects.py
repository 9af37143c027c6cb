"""The protocols of the products, as far as needed to count events and to answer."""

import gzip
import json
import zlib
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, NamedTuple


class StubAnswer(NamedTuple):
    """The number of events of a request, and its answer."""

    events: int
    status: int = 200
    answer: bytes = b"{}"


def read(path: str, encoding: str, body: bytes) -> StubAnswer:
    """Count the events of a request and return the answer."""
    plain = _DECODERS[encoding](body)
    return _DIALECTS[path.rstrip("/")](plain)


def _ours(body: bytes) -> StubAnswer:
    count = len(json.loads(body)["events"])
    return StubAnswer(count, 202, json.dumps({"accepted": count}).encode())


def _heartbeat(_body: bytes) -> StubAnswer:
    return StubAnswer(0, answer=b'{"server_time":0,"heartbeat_interval":60}')


def _batch(body: bytes) -> StubAnswer:
    return StubAnswer(len(json.loads(body)["batch"]))


def _envelope(body: bytes) -> StubAnswer:
    """Count the items of an envelope: each has a header line and a payload."""
    events = 0
    rest = body.partition(b"\n")[2]
    while rest.strip():
        line, _, rest = rest.partition(b"\n")
        header: dict[str, Any] = json.loads(line)
        if header["type"] in {"log", "event"}:
            events += header.get("item_count", 1)
        rest = rest[header["length"] + 1 :] if "length" in header else rest.partition(b"\n")[2]
    return StubAnswer(events)


def _logs(body: bytes) -> StubAnswer:
    # Imported by name, because only the peer's environment has it.
    messages = import_module("opentelemetry.proto.collector.logs.v1.logs_service_pb2")
    request = messages.ExportLogsServiceRequest.FromString(body)
    scopes = (scope for resource in request.resource_logs for scope in resource.scope_logs)
    return StubAnswer(sum(len(scope.log_records) for scope in scopes), answer=b"")


def _spans(_body: bytes) -> StubAnswer:
    return StubAnswer(0, answer=b"")


_DIALECTS: Final[dict[str, Callable[[bytes], StubAnswer]]] = {
    "/v1/events": _ours,
    "/v1/heartbeat": _heartbeat,
    "/batch": _batch,
    "/v1/batch": _batch,
    "/api/1/envelope": _envelope,
    "/v1/logs": _logs,
    "/v1/traces": _spans,
}

_DECODERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
}
