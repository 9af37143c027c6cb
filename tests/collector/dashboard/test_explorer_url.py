"""The Explorer's URL: what it says is what is shown, and nonsense is named."""

from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.collector.dashboard.charts import HOUR, MINUTE
from sqreen_mw.collector.dashboard.explorer_url import (
    PRESETS,
    ExplorerUrl,
    parse_explorer_url,
)
from sqreen_mw.collector.events.base import Cursor
from sqreen_mw.protocol.limits import MAX_TIMESTAMP, MIN_TIMESTAMP

NOW = 1_700_000_000_000
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
EVENT_ID = "018bcfe5-6800-7000-8000-000000000000"


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy that leaves a filter out now and then."""
    return st.none() | strategy


STATES = st.builds(
    ExplorerUrl,
    preset=st.sampled_from(sorted(PRESETS)),
    at=optional(st.integers(0, NOW)),
    tz=st.sampled_from(["UTC", "Europe/Berlin"]),
    app=optional(TEXTS),
    env=optional(TEXTS),
    event=optional(TEXTS),
    ip=optional(st.sampled_from(["203.0.113.7", "2001:db8::/32"])),
    user=optional(TEXTS),
    q=optional(TEXTS),
    after=optional(st.builds(Cursor, st.integers(-NOW, NOW), st.integers(0, NOW))),
    open=optional(st.tuples(TEXTS, st.just(EVENT_ID))),
    live=st.booleans(),
)


@given(STATES)
def test_a_link_leads_to_the_state_it_was_made_of(state: ExplorerUrl) -> None:
    """Writing a state as a URL and reading it again changes nothing."""
    given_again = dict(parse_qsl(state.query_string().removeprefix("?")))

    parsed = parse_explorer_url(given_again, now=NOW)

    assert (parsed.state, parsed.faults) == (state, {})


@given(
    st.dictionaries(
        st.sampled_from(
            ["from", "to", "range", "at", "after", "open", "live", "tz", "ip", "q", "app"]
        ),
        st.text(),
    )
)
def test_nonsense_is_a_fault_and_never_an_error(parameters: dict[str, str]) -> None:
    """Whatever a URL says, it is read or named as wrong, and a link can be made of the rest."""
    parsed = parse_explorer_url(parameters, now=NOW)

    start, end = parsed.state.window(NOW)
    assert start < end
    assert parsed.state.query_string() == "" or parsed.state.query_string()[0] == "?"
    assert set(parsed.faults) <= set(parameters) | {"from", "to"}


@pytest.mark.parametrize(
    ("parameters", "fault", "words"),
    [
        ({"range": "2y"}, "range", "15m, 1h"),
        ({"from": "tomorrow"}, "from", "milliseconds"),
        ({"to": "5"}, "from", "missing"),
        ({"from": "10", "to": "5"}, "to", "after the start"),
        ({"from": "-99999999999999", "to": "5"}, "from", "years"),
        ({"ip": "203.0.113.300"}, "ip", "203.0.113.0/24"),
        ({"ip": "10.0.0.0/99"}, "ip", "network"),
        ({"tz": "Mars/Base"}, "tz", "Europe/Berlin"),
        ({"tz": "../../etc/passwd"}, "tz", "Europe/Berlin"),
        ({"after": "x"}, "after", "first page"),
        ({"at": "x"}, "at", "milliseconds"),
        ({"open": "shop/1"}, "open", "event id"),
        ({"live": "yes"}, "live", "0 or 1"),
        ({"q": "a" * 600}, "q", "512"),
    ],
)
def test_a_fault_says_what_is_taken(parameters: dict[str, str], fault: str, words: str) -> None:
    """Each bad parameter is named with what would be right."""
    faults = parse_explorer_url(parameters, now=NOW).faults

    assert list(faults) == [fault]
    assert words in faults[fault]


@pytest.mark.parametrize("at", [MIN_TIMESTAMP, MAX_TIMESTAMP])
def test_a_preset_stays_inside_of_the_calendar(at: int) -> None:
    """At the first and the last instant there is, a range is as long as time lasts."""
    start, end = parse_explorer_url({"at": str(at)}, now=NOW).state.window(NOW)

    assert MIN_TIMESTAMP <= start <= at < end <= MAX_TIMESTAMP + 1


def test_what_is_no_free_text_may_have_margins() -> None:
    """Spaces that were pasted around a number, an address or a zone do not count."""
    pasted = {"range": " 7d ", "ip": " 203.0.113.7\n", "tz": "Europe/Berlin ", "at": " 5"}

    parsed = parse_explorer_url(pasted, now=NOW)

    assert parsed.faults == {}
    assert parsed.state == ExplorerUrl(preset="7d", ip="203.0.113.7", tz="Europe/Berlin", at=5)


def test_a_preset_is_widened_to_whole_bars() -> None:
    """The range of a button starts and ends where a bar does, and has now in it."""
    start, end = ExplorerUrl(preset="1h").window(NOW)

    assert (start % MINUTE, end % MINUTE) == (0, 0)
    assert start <= NOW - HOUR < NOW < end
    assert end - start <= HOUR + 2 * MINUTE


def test_dates_are_read_in_the_readers_zone() -> None:
    """A date without an offset is on the clock of the zone that the URL names."""
    given = {"from": "2023-07-01T10:00", "to": "2023-07-01T11:00", "tz": "Europe/Berlin"}

    state = parse_explorer_url(given, now=NOW).state

    assert state.start == 1_688_198_400_000  # 08:00 UTC
    assert state.end == state.start + HOUR


def test_addresses_are_read_in_one_form() -> None:
    """Other spellings of an address or a network find the same events."""
    spellings = {"::ffff:203.0.113.7": "203.0.113.7", "203.0.113.9/24": "203.0.113.0/24"}

    read = {text: parse_explorer_url({"ip": text}, now=NOW).state.ip for text in spellings}

    assert read == spellings


def test_a_start_alone_means_until_now() -> None:
    """A range without an end ends now, and a range that is fixed can't follow the present."""
    state = parse_explorer_url({"from": "5", "live": "1"}, now=NOW).state

    assert (state.start, state.end, state.live) == (5, NOW, False)
