"""Test the Explorer without a store, without events and without a complete answer."""

import re

import pytest
from starlette.testclient import TestClient

from sqreen_mw.collector.dashboard.web.rendering import sentence
from sqreen_mw.errors import StoreError
from tests.collector.dashboard.running_collector import RunningCollector, make_event


def text_of(html: str) -> str:
    """Return the text of a page on one line."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.partition("<main")[2]))


@pytest.mark.parametrize("path", ["/events", "/events?live=1", "/events?event=order.*&range=7d"])
def test_closed_store_is_named(collector: RunningCollector, client: TestClient, path: str) -> None:
    """Without a store the page keeps its filters, names the error, and offers to try again."""
    collector.store(make_event())
    collector.services.events.close()

    answer = client.get(path)
    text = text_of(answer.text)

    assert answer.status_code == 503
    assert "The list is not available. The event store is closed. Try again" in text
    assert "The chart and the count are not available. The event store is closed." in text
    assert 'id="filter-event"' in answer.text
    assert "data-live" not in answer.text


@pytest.mark.parametrize("part", ["page", "histogram"])
def test_one_failed_part_leaves_the_other(
    collector: RunningCollector, client: TestClient, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """If only the list or only the chart fails, the page shows the other."""
    collector.store(make_event())

    def fail(*_args: object, **_named: object) -> None:
        raise StoreError("no answer within 5 s: narrow the time range or the filters")

    monkeypatch.setattr(collector.services.events, part, fail)

    answer = client.get("/events")
    text = text_of(answer.text)

    assert answer.status_code == 200
    assert text.count("No answer within 5 s: narrow the time range or the filters.") == 1
    assert ('class="event-name"' in answer.text) is (part == "histogram")
    assert ("Count unknown" in text) is (part == "histogram")


def test_event_page_without_a_store_offers_to_try_again(
    collector: RunningCollector, client: TestClient
) -> None:
    """The error page has a link to itself and one to the list."""
    event = make_event()
    collector.store(event)
    collector.services.events.close()

    answer = client.get(f"/events/shop/{event.id}")

    assert answer.status_code == 503
    assert "The event store is closed. Try again Go to Events" in text_of(answer.text)


def test_filters_without_any_event_lead_to_the_first_steps(client: TestClient) -> None:
    """A bookmarked filter on a new collector links to the first steps."""
    answer = client.get("/events?app=shop&range=7d")

    assert "No event has arrived yet." in answer.text
    assert '<a class="button primary" href="/events">First steps</a>' in answer.text


def test_errors_are_shown_as_sentences() -> None:
    """A sentence begins with a capital letter and ends with one full stop."""
    assert sentence("the store is closed") == "The store is closed."
    assert sentence("Sign in, then try again.") == "Sign in, then try again."
    assert sentence("Is it up?") == "Is it up?"
