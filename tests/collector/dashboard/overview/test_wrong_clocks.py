"""Test that the Overview names hosts whose clock is wrong."""

import re

import pytest
from starlette.testclient import TestClient

from sqreen_mw.collector.clock import system_clock
from sqreen_mw.protocol.batch import decode_batch
from tests.collector.dashboard.running_collector import RunningCollector, send_heartbeat

HOUR = 3_600_000


def lines_of(client: TestClient) -> list[str]:
    """Return the lines about wrong clocks."""
    section = client.get("/overview").text.partition('id="wrong-clocks"')[2].partition("</ul>")[0]
    found = re.findall(r"<li>(.*?)</li>", section, re.DOTALL)
    return [re.sub(r"<[^>]+>", "", line).strip() for line in found]


def send_batch(collector: RunningCollector, *, ahead: int, **members: str) -> None:
    """Accept a batch of a sender whose clock is ahead."""
    collector.services.state.apps.ensure("shop")
    names = "".join(f'"{name}": "{value}", ' for name, value in members.items())
    body = f'{{{names}"sent_at": {system_clock() + ahead}, "events": []}}'
    collector.services.pipeline.accept(decode_batch(body.encode()), app="shop")


@pytest.mark.parametrize(
    ("skew", "text"),
    [(-HOUR, "1 h ahead"), (90_500, "1 min 30 s behind"), (-48 * HOUR, "2 d ahead")],
)
def test_heartbeats_name_the_host(
    collector: RunningCollector, client: TestClient, skew: int, text: str
) -> None:
    """Several instances of a host are one line."""
    send_heartbeat(collector, host="web-1", skew=skew)
    send_heartbeat(collector, host="web-1", skew=skew, instance_id="two")
    send_heartbeat(collector, host="web-2", skew=3000, instance_id="three")

    assert lines_of(client) == [f"web-1 (shop) is {text}. Its events have the wrong time."]


def test_ended_and_silent_instances_are_not_named(
    collector: RunningCollector, client: TestClient
) -> None:
    """Only a clock that is wrong now needs a repair."""
    send_heartbeat(collector, skew=HOUR, ended=True)
    send_heartbeat(collector, skew=HOUR, instance_id="two", ago=HOUR)

    assert lines_of(client) == []


def test_batches_name_their_sender(collector: RunningCollector, client: TestClient) -> None:
    """A sender without heartbeats is named by its instance or its SDK."""
    send_batch(collector, ahead=HOUR + 500, instance_id="job-7")
    send_batch(collector, ahead=-3 * HOUR, sdk="curl/8")
    send_batch(collector, ahead=2000, sdk="wget")

    first, second = lines_of(client)
    assert first.startswith("curl/8 (shop) is 3 h behind")
    assert second.startswith("job-7 (shop) is 1 h ahead")


def test_heartbeat_is_more_precise_than_a_batch(
    collector: RunningCollector, client: TestClient
) -> None:
    """A late batch of an instance with a good clock has no line."""
    send_heartbeat(collector, instance_id="one")
    send_batch(collector, ahead=-HOUR, instance_id="one")

    assert lines_of(client) == []
