"""Test how the Overview names the problems of an instance."""

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import sqreen_mw.agent
from sqreen_mw.collector.clock import system_clock
from sqreen_mw.collector.dashboard.overview.problems import DELIVERY, WRONG_CALLS, sort_problems
from tests.collector.dashboard.overview.test_overview import text_of
from tests.collector.dashboard.running_collector import RunningCollector, send_heartbeat

MINUTE = 60_000
STUCK = re.compile(r"has delivered no event since [^.]+ \((\d+) min\)\. ([^.]+)\.")


@pytest.mark.parametrize(
    ("cause", "fix"),
    [
        ("undelivered", "Check that the collector is up"),
        ("misconfigured", "check SQREEN_TOKEN, SQREEN_URL and SQREEN_APP_NAME"),
        ("spool", "check the permissions and the free space of SQREEN_SPOOL_DIR"),
        ("overflow", "Check that the collector is up"),
    ],
)
def test_outage_is_a_delivery_problem_with_its_fix(
    collector: RunningCollector, client: TestClient, cause: str, fix: str
) -> None:
    """A live instance that only waits is on top, with its start, its counts and the fix."""
    send_heartbeat(collector, ago=20 * MINUTE, delivered=10)
    started_at = system_clock() - 30 * MINUTE
    for ago in (12, 6, 0):
        send_heartbeat(
            collector,
            ago=ago * MINUTE,
            delivered=10,
            waiting=120 - ago,
            misuse={cause: 13 - ago},
            started_at=started_at,
        )

    text = text_of(client)
    found = STUCK.search(text)

    assert "1 instance cannot deliver events shop, web-1, pid 7" in text
    assert found is not None
    assert 12 <= int(found[1]) <= 17
    assert found[2] == "120 events wait, 0 were lost"
    assert fix in text
    assert f"Delivery problems since the start: 13 {DELIVERY[cause][0]}" in text
    assert "No event lost" not in text
    assert "misuse" not in text.lower()
    assert "Wrong calls" not in text


def test_outage_ends_with_the_next_delivery(
    collector: RunningCollector, client: TestClient
) -> None:
    """After a delivery the row keeps the number of failures, and the page has no alarm."""
    send_heartbeat(collector, ago=2 * MINUTE, waiting=5, misuse={"undelivered": 3})
    assert "cannot deliver events" in text_of(client)
    send_heartbeat(collector, delivered=5, waiting=2, misuse={"undelivered": 3})

    text = text_of(client)

    assert "cannot deliver" not in text
    assert "No event lost in the last 24 hours" in text
    assert "Delivery problems since the start: 3 failed deliveries" in text


def test_waiting_without_a_failure_is_no_outage(
    collector: RunningCollector, client: TestClient
) -> None:
    """Events of the first second wait without a problem, and a wrong call changes nothing."""
    send_heartbeat(collector, waiting=5, misuse={"name_type": 2})

    text = text_of(client)

    assert "cannot deliver" not in text
    assert "s log: 2 name_type" in text


def test_only_the_largest_outages_are_listed(
    collector: RunningCollector, client: TestClient
) -> None:
    """Five instances with the most waiting events are listed, the others are counted."""
    for number in range(7):
        send_heartbeat(
            collector,
            instance_id=str(number),
            host=f"web-{number}",
            waiting=10 + number,
            misuse={"undelivered": 1},
        )

    text = text_of(client).partition("Last seen")[0]

    assert "7 instances cannot deliver events shop, web-6" in text
    assert "shop, web-1" not in text
    assert "and 2 more below" in text


def test_problems_are_sorted_by_kind() -> None:
    """Delivery problems, wrong calls and others are separate; an unknown name is no wrong call."""
    counts = {"undelivered": 2, "name_type": 3, "seal": 1, "brand_new": 4, "timeout": 5}

    found = sort_problems(counts)

    assert found.delivery == ((2, "failed deliveries"),)
    assert found.misuse == ((5, "timeout"), (3, "name_type"))
    assert found.other == ((4, "brand_new"), (1, "seal"))


def test_each_problem_of_the_sdk_has_a_kind() -> None:
    """The SDK's reports of misuse are wrong calls, its other warnings are not."""
    package = Path(sqreen_mw.agent.__file__).parent
    code = "\n".join(path.read_text() for path in package.rglob("*.py"))
    reported = set(re.findall(r'report_misuse\(\s*"(\w+)"', code))
    warned = set(re.findall(r'\.(?:warn|internal_error|suppress_\w+)\(\s*"(\w+)"', code))

    assert reported <= WRONG_CALLS
    assert warned & WRONG_CALLS == {"closed"}
    assert warned >= DELIVERY.keys()
