"""Test the Overview without JavaScript."""

import re

import pytest
from starlette.testclient import TestClient

from sqreen_mw.collector.dashboard.overview import instances
from sqreen_mw.collector.dashboard.overview.instances import clock_text
from sqreen_mw.collector.dashboard.overview.loss_reasons import REASONS, reason_of
from sqreen_mw.collector.dashboard.web.time_format import ago_text
from sqreen_mw.protocol.heartbeat import INTENTIONAL_DROP_REASONS
from tests.collector.dashboard.running_collector import RunningCollector, send_heartbeat
from tests.docs.pages import text_of as text_of_page

MINUTE = 60_000


def text_of(client: TestClient, path: str = "/overview") -> str:
    """Return the text of a page on one line."""
    answer = client.get(path)
    assert answer.status_code == 200
    main = re.sub(r"<[^>]+>", " ", answer.text.partition("<main")[2])
    return re.sub(r"\s+", " ", main)


def test_overview_without_heartbeats_claims_nothing(client: TestClient) -> None:
    """An empty page makes no statement about losses."""
    text = text_of(client)

    assert "No instance has reported yet" in text
    assert "lost in the last 24 hours" not in text


def test_overview_shows_instances_and_no_loss(
    collector: RunningCollector, client: TestClient
) -> None:
    """Without losses the page lists each instance with its counts."""
    send_heartbeat(
        collector,
        delivered=1234,
        waiting=3,
        release="2.1",
        python="3.13.1",
        misuse={"name_type": 2},
    )
    send_heartbeat(collector, app="bank", instance_id="two", host=None, pid=None, delivered=5)

    text = text_of(client)

    assert "No event lost in the last 24 hours" in text
    assert "2 live instances in 2 apps" in text
    for part in ("web-1", "pid 7", "prod", "release 2.1", "Python 3.13.1", "1,234", "2 name_type"):
        assert part in text
    assert "in sync" in text
    assert (
        "Last 3 hours: 1,234 delivered, 0 lost, at most 3 waiting" in client.get("/overview").text
    )


def test_losses_are_shown_first_with_advice(
    collector: RunningCollector, client: TestClient
) -> None:
    """The summary shows the sum, and each reason with its sources and advice."""
    send_heartbeat(collector, dropped={"overflow": 1200}, delivered=10)
    send_heartbeat(collector, app="bank", host="web-3", dropped={"too_large": 4, "unheard_of": 1})

    text = text_of(client)

    assert "1,205 events lost in the last 24 hours" in text
    assert f"1,200 queue overflow (shop, web-1) {REASONS['overflow'].advice}" in text
    assert "4 too large (bank, web-3)" in text
    assert "1 unheard of (bank, web-3)" in text
    assert "No event lost" not in text
    assert text.index("1,205 events") < text.index("Last seen")


def test_losses_of_ended_instances_stay_for_a_day(
    collector: RunningCollector, client: TestClient
) -> None:
    """An ended instance and its losses stay on the page for a day."""
    send_heartbeat(collector, ended=True, dropped={"exit": 1})
    send_heartbeat(collector, instance_id="next")

    text = text_of(client)

    assert "1 event lost in the last 24 hours 1 undelivered at exit (shop, web-1)" in text
    assert "1 instance ended in the last 24 hours" in text


def test_intentional_drops_are_no_loss(collector: RunningCollector, client: TestClient) -> None:
    """Events dropped by before_send are shown separately."""
    send_heartbeat(collector, dropped={"before_send": 7})

    text = text_of(client)

    assert "No event lost in the last 24 hours" in text
    assert "before_send dropped 7 events in the last 24 hours" in text


def test_silent_instances_may_have_lost_events(
    collector: RunningCollector, client: TestClient
) -> None:
    """Waiting events of a silent instance are shown as possibly missing."""
    send_heartbeat(collector, ago=14 * MINUTE, waiting=37)
    send_heartbeat(collector, instance_id="idle", ago=20 * MINUTE, pid=None)

    text = text_of(client)

    assert "No known loss in the last 24 hours, but up to 37 events may be missing" in text
    assert "shop, web-1, pid 7 was last seen 14 min ago" in text
    assert "It had 37 waiting events. These, and later ones, may be missing." in text
    assert "No event was waiting, but later ones may be missing." in text
    assert "No event lost" not in text
    assert "0 live instances" in text


def test_spooled_events_are_not_missing(collector: RunningCollector, client: TestClient) -> None:
    """Spooled events of an ended instance are not reported as missing."""
    send_heartbeat(collector, ended=True, waiting=37, spooled=37)

    text = text_of(client)

    assert "No event lost in the last 24 hours" in text
    assert "37 in the spool" in text


def test_known_and_possible_losses_are_both_shown(
    collector: RunningCollector, client: TestClient
) -> None:
    """The page shows losses and the first silent instances."""
    send_heartbeat(collector, dropped={"overflow": 2})
    for number in range(7):
        send_heartbeat(collector, instance_id=f"gone-{number}", ago=5 * MINUTE)

    text = text_of(client)

    assert "2 events lost in the last 24 hours" in text
    assert "Some more events may be missing" in text
    assert "and 2 more below" in text


def test_uptime_of_a_live_instance_grows(collector: RunningCollector, client: TestClient) -> None:
    """A live instance is up until now; any other ran until it was last seen."""
    send_heartbeat(collector, ago=2 * MINUTE)
    send_heartbeat(collector, instance_id="silent", ago=10 * MINUTE)
    send_heartbeat(collector, instance_id="ended", ended=True, ago=5 * MINUTE)

    text = text_of(client)

    assert re.search(r"2 min( \d s)? ago · up 3 min", text)
    assert re.search(r"10 min( \d s)? ago · ran 1 min ", text)
    assert re.search(r"5 min( \d s)? ago · ran 1 min ", text)
    assert text.count("reports its counts once a minute") == 1


def test_only_the_largest_sources_are_listed(
    collector: RunningCollector, client: TestClient
) -> None:
    """The hosts with the largest losses are listed, the others are counted."""
    for number in range(6):
        lost = {"overflow": 10 + number}
        send_heartbeat(collector, instance_id=str(number), host=f"web-{number}", dropped=lost)

    text = text_of(client)

    assert "(shop, web-5; shop, web-4; shop, web-3; shop, web-2; and 2 more)" in text


def test_instances_beyond_the_limit_are_counted(
    collector: RunningCollector, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Instances above the row limit are counted but not listed."""
    monkeypatch.setattr(instances, "MAX_ROWS", 2)
    for number in range(5):
        send_heartbeat(collector, instance_id=str(number), host=f"web-{number}", ended=number > 3)

    text = text_of(client)

    assert "2 more instances are not listed" in text
    assert "web-1" in text
    assert "web-2" not in text


def test_page_warns_if_no_more_instances_are_stored(
    collector: RunningCollector, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the storage limit the page warns that others may exist."""
    monkeypatch.setattr(instances, "MAX_INSTANCES", 2)
    send_heartbeat(collector)
    assert "Others may exist" not in text_of(client)
    send_heartbeat(collector, instance_id="two")

    assert "Others may exist; their losses and counts are missing here" in text_of(client)


def test_wrong_clock_is_marked(collector: RunningCollector, client: TestClient) -> None:
    """A clock that is behind or ahead is shown with the difference."""
    send_heartbeat(collector, skew=3_600_000)
    send_heartbeat(collector, instance_id="two", skew=-90_500)

    text = text_of(client)

    assert "1 h behind" in text
    assert "1 min 30 s ahead" in text


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/overview", "Last 3 hours"),
        ("/overview?range=24h", "Last 24 hours"),
        ("/overview?range=x", "Last 3 hours"),
    ],
)
def test_range_comes_from_the_url(
    collector: RunningCollector, client: TestClient, path: str, words: str
) -> None:
    """Each range has its URL; an unknown range shows the default."""
    send_heartbeat(collector, delivered=3)

    page = client.get(path).text

    assert f"{words}: 3 delivered" in page
    assert page.count('aria-current="true"') == 1


def test_instances_older_than_a_day_are_hidden(
    collector: RunningCollector, client: TestClient
) -> None:
    """Instances and losses older than a day are not shown."""
    send_heartbeat(collector, ago=25 * 60 * MINUTE, dropped={"overflow": 1})

    assert "No instance has reported yet" in text_of(client)


def test_heartbeat_values_are_escaped(collector: RunningCollector, client: TestClient) -> None:
    """HTML in a heartbeat is escaped."""
    evil = "<script>alert(1)</script>"
    send_heartbeat(
        collector, host=evil, release=evil, sdk=evil, python=evil, dropped={"overflow": 1}
    )

    assert "<script>alert" not in client.get("/overview").text


def test_overview_is_in_the_menu_and_requires_a_session(
    collector: RunningCollector, client: TestClient
) -> None:
    """Every page links to the Overview, and visitors must log in."""
    assert 'href="/overview" aria-current="page"' in client.get("/overview").text
    assert 'href="/overview"' in client.get("/events").text
    stranger = collector.client(None)
    assert stranger.get("/overview").headers["location"] == "/login?next=%2Foverview"


def test_every_drop_reason_has_an_explanation() -> None:
    """Each reason in docs/calls.md has a name and advice."""
    text = text_of_page("docs/calls.md").partition("`dropped` counts by reason:")[2]
    text = text.partition("`misuse`")[0]
    others = {"close", "spooled", "replayed"}

    assert set(re.findall(r"`(\w+)`", text)) - others == set(REASONS) >= INTENTIONAL_DROP_REASONS
    assert reason_of("brand_new").name == "brand new"


def test_age_and_clock_texts() -> None:
    """Ages are whole seconds; a difference below two seconds is in sync."""
    assert ago_text(5000, 5400) == ago_text(6000, 5000) == "just now"
    assert ago_text(0, 61_999) == "1 min 1 s ago"
    assert clock_text(1999) == ("in sync", False)
    assert clock_text(-2000) == ("2 s ahead", True)
