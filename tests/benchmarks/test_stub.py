import gzip
import json
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from benchmarks.child import in_child
from benchmarks.rows.delivered import WARM, timed
from benchmarks.stub.running import Stub, running_stub

_ITEM = b'{"a": 1}'
_LOGS = json.dumps({"type": "log", "item_count": 7, "length": len(_ITEM)}).encode()

REQUESTS = {
    "ours": ("/v1/events", json.dumps({"events": [{}, {}]}).encode(), 2),
    "posthog": ("/batch/", json.dumps({"batch": [{}, {}, {}]}).encode(), 3),
    "segment": ("/v1/batch", json.dumps({"batch": [{}]}).encode(), 1),
    "sentry": (
        "/api/1/envelope/",
        b'{}\n{"type": "session"}\n{}\n%b\n%b\n{"type": "event"}\n{}\n' % (_LOGS, _ITEM),
        8,
    ),
    "spans": ("/v1/traces", b"\x00", 0),
}


@pytest.fixture
def stub() -> Iterator[Stub]:
    """Run a stub server in its own process."""
    with running_stub() as running:
        yield running


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("product", REQUESTS)
def test_stub_counts_events(stub: Stub, product: str, *, compressed: bool) -> None:
    """The stub server counts the events of each product's protocol, compressed or not."""
    path, body, count = REQUESTS[product]
    connection = HTTPConnection(stub.url.removeprefix("http://"), timeout=10)
    headers = {"Content-Encoding": "gzip"} if compressed else {}
    connection.request("POST", path, gzip.compress(body) if compressed else body, headers)
    answer = connection.getresponse()
    connection.close()

    assert answer.status in {200, 202}
    assert stub.count() == count


def test_all_events_of_ours_are_counted(stub: Stub) -> None:
    """Each event of a measured process is counted, and the process uses CPU time."""
    cost = in_child(timed, name="ours", url=stub.url, events=100, rate=1000)

    assert cost > 0
    assert stub.count() == 100 + WARM
