"""Test the hints of the Explorer about events that a page does not show."""

import html
import re

import pytest
from starlette.testclient import TestClient

from sqreen_mw.collector.events.base import EventQuery, Histogram, Page
from sqreen_mw.collector.events.deadline import Deadline
from sqreen_mw.collector.events.sqlite import readers, slices
from tests.collector.dashboard.running_collector import RunningCollector, make_event
from tests.collector.events.examples import CheckedDeadline

HOUR = 3_600_000


def notice(text: str, name: str) -> str:
    """Return the text of a notice, or an empty string."""
    found = re.search(rf'id="{name}">(.*?)</div>', text, re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", found[1])) if found else ""


@pytest.mark.parametrize("ahead", [HOUR, 48 * HOUR, 50 * 365 * 24 * HOUR])
def test_page_links_to_later_events(
    collector: RunningCollector, client: TestClient, ahead: int
) -> None:
    """Events of a sender whose clock is ahead are counted, and the link shows them."""
    collector.store(make_event("ahead", ago=-ahead), make_event("other", ago=-ahead), make_event())

    text = client.get("/events?event=ahead").text

    assert "1 event is later than now. The clock of the sender is ahead." in notice(text, "future")
    link = re.search(r'href="([^"]+)"[^>]*>Show later events', text)
    assert link is not None
    shown = client.get(html.unescape(link[1])).text
    assert 'class="event-name"' in shown
    assert notice(shown, "future") == ""


def test_page_links_to_unsearched_later_events(
    collector: RunningCollector, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If no later event was found but some were not searched, the link shows them."""
    monkeypatch.setattr("sqreen_mw.collector.events.future.MAX_COUNTED", 3)
    collector.store(*(make_event("other", ago=-HOUR) for _ in range(5)))
    collector.store(make_event("ahead", ago=-2 * HOUR))

    text = client.get("/events?event=ahea*").text

    assert "There may be events later than now." in notice(text, "future")
    link = re.search(r'href="([^"]+)"[^>]*>Show later events', text)
    assert link is not None
    assert 'class="event-name"' in client.get(html.unescape(link[1])).text


def test_page_without_later_events_has_no_hint(
    collector: RunningCollector, client: TestClient
) -> None:
    """Events of the present are in the default range, also those of a slightly fast clock."""
    collector.store(make_event(), make_event(ago=-5000))

    assert notice(client.get("/events").text, "future") == ""


def test_cut_search_is_labelled(
    collector: RunningCollector, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the deadline the page names the searched time, and links to the rest."""
    monkeypatch.setattr(slices, "FEW_EVENTS", 50)
    monkeypatch.setattr(readers, "STEPS_BETWEEN_CHECKS", 2000)
    collector.store(*(make_event(ago=n * 1000) for n in range(1000)))
    store = collector.services.events
    page, histogram = store.page, store.histogram

    def hurried_page(query: EventQuery, *, limit: int, deadline: Deadline) -> Page:
        return page(query, limit=limit, deadline=CheckedDeadline(2))

    def hurried_histogram(query: EventQuery, *, interval: int, deadline: Deadline) -> Histogram:
        return histogram(query, interval=interval, deadline=CheckedDeadline(2))

    monkeypatch.setattr(store, "page", hurried_page)
    monkeypatch.setattr(store, "histogram", hurried_histogram)

    text = client.get("/events?q=coupon&range=1h").text
    absent = client.get("/events?q=nowhere&range=1h").text

    assert "at least" in text
    assert "are not counted" in notice(text, "counted-from")
    assert "The search ended at its time limit" in notice(absent, "searched-from")
    assert "No event matches" not in absent
    assert re.search(r'id="older" href="[^"]*after=', absent)
