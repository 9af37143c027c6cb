"""The Overview as a reader gets it, without JavaScript."""

import re

import pytest
from starlette.testclient import TestClient

from sqreen_mw.collector.dashboard import fleet
from sqreen_mw.collector.dashboard.fleet import ago_text, clock_text
from sqreen_mw.collector.dashboard.loss_reasons import REASONS, reason_of
from sqreen_mw.protocol.heartbeat import WANTED
from tests.collector.dashboard.world import World, beat
from tests.docs.pages import text_of as text_of_page

MINUTE = 60_000


def text_of(client: TestClient, path: str = "/overview") -> str:
    """Return what a page says, in one line."""
    answer = client.get(path)
    assert answer.status_code == 200
    shown = re.sub(r"<[^>]+>", " ", answer.text.partition("<main")[2])
    return re.sub(r"\s+", " ", shown)


def test_before_the_first_heartbeat_it_says_what_will_be_there(client: TestClient) -> None:
    """An empty page promises nothing about losses."""
    text = text_of(client)

    assert "No process has reported yet" in text
    assert "lost in the last 24 hours" not in text


def test_all_is_well(here: World, client: TestClient) -> None:
    """With no loss the page says so, and shows each process with its numbers."""
    beat(here, delivered=1234, waiting=3, release="2.1", python="3.13.1", misuse={"name": 2})
    beat(here, app="bank", instance_id="two", host=None, pid=None, delivered=5)

    text = text_of(client)

    assert "No event lost in the last 24 hours" in text
    assert "2 processes alive in 2 apps" in text
    for part in ("web-1", "process 7", "prod", "release 2.1", "Python 3.13.1", "1,234", "2 name"):
        assert part in text
    assert "in step" in text
    assert (
        "Last 3 hours: 1,234 delivered, 0 lost, at most 3 waiting" in client.get("/overview").text
    )


def test_a_loss_is_said_first_with_what_to_do(here: World, client: TestClient) -> None:
    """The strip has the sum, each reason with its places, and the advice."""
    beat(here, dropped={"overflow": 1200}, delivered=10)
    beat(here, app="bank", host="web-3", dropped={"too_large": 4, "unheard_of": 1})

    text = text_of(client)

    assert "1,205 events lost in the last 24 hours" in text
    assert f"1,200 queue overflow (shop, web-1) {REASONS['overflow'].advice}" in text
    assert "4 too large (bank, web-3)" in text
    assert "1 unheard of (bank, web-3)" in text
    assert "No event lost" not in text
    assert text.index("1,205 events") < text.index("Last seen")


def test_a_loss_stays_when_its_process_is_gone(here: World, client: TestClient) -> None:
    """What a process lost before it ended, and its own line, stay for a day."""
    beat(here, ended=True, dropped={"exit": 1})
    beat(here, instance_id="next")

    text = text_of(client)

    assert "1 event lost in the last 24 hours 1 left over at exit (shop, web-1)" in text
    assert "1 process ended in the last 24 hours" in text


def test_what_the_app_wants_gone_is_no_loss(here: World, client: TestClient) -> None:
    """Events that the app's own hook dropped are told apart."""
    beat(here, dropped={"before_send": 7})

    text = text_of(client)

    assert "No event lost in the last 24 hours" in text
    assert "7 events were dropped by the apps" in text


def test_silence_is_not_taken_for_no_loss(here: World, client: TestClient) -> None:
    """Who vanished without a last word may have lost what waited, and the page says how much."""
    beat(here, ago=14 * MINUTE, waiting=37)
    beat(here, instance_id="idle", ago=20 * MINUTE, pid=None)

    text = text_of(client)

    assert "No loss is known in the last 24 hours, but up to 37 events may be missing" in text
    assert "shop, web-1, process 7 was last seen 14 min ago" in text
    assert "37 events that waited then, and what it tracked since, may be missing" in text
    assert "nothing waited then; what it tracked since may be missing" in text
    assert "No event lost" not in text
    assert "0 processes alive" in text


def test_what_is_spooled_is_not_missing(here: World, client: TestClient) -> None:
    """Events on disk outlive their process: they wait, and are no reason to worry."""
    beat(here, ended=True, waiting=37, spooled=37)

    text = text_of(client)

    assert "No event lost in the last 24 hours" in text
    assert "37 in the spool" in text


def test_known_losses_and_possible_ones_are_both_said(here: World, client: TestClient) -> None:
    """Beside a loss, what may be missing is more; of many that are silent some are named."""
    beat(here, dropped={"overflow": 2})
    for number in range(7):
        beat(here, instance_id=f"gone-{number}", ago=5 * MINUTE)

    text = text_of(client)

    assert "2 events lost in the last 24 hours" in text
    assert "Some more events may be missing" in text
    assert "and 2 more below" in text


def test_many_places_are_not_all_named(here: World, client: TestClient) -> None:
    """Of many hosts those that lost most are named, and the number of the others."""
    for number in range(6):
        lost = {"overflow": 10 + number}
        beat(here, instance_id=str(number), host=f"web-{number}", dropped=lost)

    text = text_of(client)

    assert "(shop, web-5; shop, web-4; shop, web-3; shop, web-2; and 2 more)" in text


def test_a_long_list_is_cut_and_says_so(
    here: World, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the bound processes are counted, not listed."""
    monkeypatch.setattr(fleet, "MOST_ROWS", 2)
    for number in range(5):
        beat(here, instance_id=str(number), host=f"web-{number}", ended=number > 3)

    text = text_of(client)

    assert "2 processes more are not listed" in text
    assert "web-1" in text
    assert "web-2" not in text


def test_more_than_are_kept_is_said(
    here: World, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where as many processes are known as are kept, the page does not claim to have all."""
    monkeypatch.setattr(fleet, "MAX_INSTANCES", 2)
    beat(here)
    assert "there may be more" not in text_of(client)
    beat(here, instance_id="two")

    assert "there may be more, and their losses and numbers are missing" in text_of(client)


def test_a_clock_that_is_off_is_marked(here: World, client: TestClient) -> None:
    """How far a process's clock is behind or ahead of the collector's is beside it."""
    beat(here, skew=3_600_000)
    beat(here, instance_id="two", skew=-90_500)

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
def test_the_range_is_in_the_address(
    here: World, client: TestClient, path: str, words: str
) -> None:
    """Each range has an address; one that is none shows the shorter."""
    beat(here, delivered=3)

    page = client.get(path).text

    assert f"{words}: 3 delivered" in page
    assert page.count('aria-current="true"') == 1


def test_a_day_ago_is_not_shown(here: World, client: TestClient) -> None:
    """Processes and losses of more than a day ago are gone from the page."""
    beat(here, ago=25 * 60 * MINUTE, dropped={"overflow": 1})

    assert "No process has reported yet" in text_of(client)


def test_markup_of_a_sender_is_text(here: World, client: TestClient) -> None:
    """What a heartbeat says of itself can't become a part of the page."""
    evil = "<script>alert(1)</script>"
    beat(here, host=evil, release=evil, sdk=evil, python=evil, dropped={"overflow": 1})

    assert "<script>alert" not in client.get("/overview").text


def test_it_is_in_the_menu_and_needs_a_session(here: World, client: TestClient) -> None:
    """Every page leads there, and a stranger is asked to sign in."""
    assert 'href="/overview" aria-current="page"' in client.get("/overview").text
    assert 'href="/overview"' in client.get("/events").text
    stranger = here.client(None)
    assert stranger.get("/overview").headers["location"] == "/login?next=%2Foverview"


def test_every_reason_of_the_sdk_has_words() -> None:
    """Each reason that the page of calls tells has a name and advice here."""
    told = text_of_page("docs/calls.md").partition("`dropped` counts by reason:")[2]
    told = told.partition("`misuse`")[0]
    others = {"close", "spooled", "replayed"}

    assert set(re.findall(r"`(\w+)`", told)) - others == set(REASONS) >= WANTED
    assert reason_of("brand_new").name == "brand new"


def test_moments_and_clocks_in_words() -> None:
    """Times are whole seconds; a clock is in step within two."""
    assert ago_text(5000, 5400) == ago_text(6000, 5000) == "just now"
    assert ago_text(0, 61_999) == "1 min 1 s ago"
    assert clock_text(1999) == ("in step", False)
    assert clock_text(-2000) == ("2 s ahead", True)
