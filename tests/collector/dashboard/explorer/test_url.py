"""Test parsing and building Explorer URLs."""

from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.collector.dashboard.explorer.url import CLOCK_TOLERANCE, PRESETS, ExplorerUrl
from sqreen_mw.collector.dashboard.explorer.url_parser import (
    MAX_CONDITIONS,
    ParsedUrl,
    parse_explorer_url,
)
from sqreen_mw.collector.dashboard.web.charts import HOUR
from sqreen_mw.collector.events.base import Cursor
from sqreen_mw.protocol.limits import MAX_TIMESTAMP, MIN_TIMESTAMP

NOW = 1_700_000_000_000
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
WORDS = TEXTS.map(str.strip).filter(bool)
EVENT_ID = "018bcfe5-6800-7000-8000-000000000000"


def parsed_url(parameters: dict[str, str]) -> ParsedUrl:
    """Return the parsed parameters."""
    return parse_explorer_url(parameters.items(), now=NOW)


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy that sometimes yields None."""
    return st.none() | strategy


STATES = st.builds(
    ExplorerUrl,
    preset=st.sampled_from(sorted(PRESETS)),
    at=optional(st.integers(0, NOW)),
    tz=st.sampled_from(["UTC", "Europe/Berlin"]),
    filters=st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(("app", "env", "properties.code", "request.params.query.a~1b"), TEXTS),
            **dict.fromkeys(("event", "user", "q"), WORDS),
            "ip": st.sampled_from(["203.0.113.7", "2001:db8::/32"]),
        },
    ),
    excluded=st.lists(
        st.tuples(st.sampled_from(["event", "user", "release", "traits.plan"]), WORDS),
        max_size=3,
        unique=True,
    ).map(tuple),
    after=optional(st.builds(Cursor, st.integers(-NOW, NOW), st.integers(0, NOW))),
    open=optional(st.tuples(TEXTS, st.just(EVENT_ID))),
    live=st.booleans(),
)


@given(STATES)
def test_url_round_trip(url: ExplorerUrl) -> None:
    """Formatting a URL and parsing it again changes nothing."""
    parameters = parse_qsl(url.query_string().removeprefix("?"))

    parsed = parse_explorer_url(parameters, now=NOW)

    assert (parsed.url, parsed.errors) == (url, {})


@given(
    st.dictionaries(
        st.sampled_from(
            ["from", "to", "range", "at", "after", "open", "live", "tz", "ip", "-ip", "q", "user.x"]
        ),
        st.text(),
    )
)
def test_any_parameters_are_parsed_or_rejected(parameters: dict[str, str]) -> None:
    """Any parameters are parsed or get an error; nothing raises."""
    parsed = parsed_url(parameters)

    start, end = parsed.url.window(NOW)
    assert start < end
    assert parsed.url.query_string() == "" or parsed.url.query_string()[0] == "?"
    assert set(parsed.errors) <= set(parameters) | {"from", "to"}


@pytest.mark.parametrize(
    ("parameters", "parameter", "words"),
    [
        ({"range": "2y"}, "range", "15m, 1h"),
        ({"from": "tomorrow"}, "from", "milliseconds"),
        ({"to": "5"}, "from", "missing"),
        ({"from": "10", "to": "5"}, "to", "is before From"),
        ({"from": "5", "to": "5"}, "to", "is the same as From"),
        ({"from": "-99999999999999", "to": "5"}, "from", "years"),
        ({"ip": "203.0.113.300"}, "ip", "203.0.113.0/24"),
        ({"ip": "10.0.0.0/99"}, "ip", "network"),
        ({"tz": "Mars/Base"}, "tz", "Europe/Berlin"),
        ({"tz": "../../etc/passwd"}, "tz", "Europe/Berlin"),
        ({"after": "x"}, "after", "first page"),
        ({"at": "x"}, "at", "milliseconds"),
        ({"open": "shop/1"}, "open", "event id"),
        ({"live": "yes"}, "live", "0 or 1"),
        ({"q": "a" * 600}, "q", "256"),
    ],
)
def test_error_explains_the_valid_format(
    parameters: dict[str, str], parameter: str, words: str
) -> None:
    """Each invalid parameter gets an error with the valid format."""
    errors = parsed_url(parameters).errors

    assert list(errors) == [parameter]
    assert words in errors[parameter]


@pytest.mark.parametrize("at", [MIN_TIMESTAMP, MAX_TIMESTAMP])
def test_preset_stays_inside_the_calendar(at: int) -> None:
    """At the first and last timestamp the range is cut."""
    start, end = parsed_url({"at": str(at)}).url.window(NOW)

    assert MIN_TIMESTAMP <= start <= at < end <= MAX_TIMESTAMP + 1


def test_outer_spaces_are_ignored_except_in_texts() -> None:
    """Spaces around numbers, addresses and zones are ignored."""
    pasted = {"range": " 7d ", "ip": " 203.0.113.7\n", "tz": "Europe/Berlin ", "at": " 5"}

    parsed = parsed_url(pasted)

    assert parsed.errors == {}
    assert parsed.url == ExplorerUrl(
        preset="7d", filters={"ip": "203.0.113.7"}, tz="Europe/Berlin", at=5
    )


def test_preset_range_ends_now() -> None:
    """A preset starts at its exact length before the present."""
    assert ExplorerUrl(preset="1h").window(NOW) == (NOW - HOUR, NOW + CLOCK_TOLERANCE)


def test_too_many_filters_are_an_error() -> None:
    """A URL may have a bounded number of filters."""
    pairs = [("-user", str(n)) for n in range(MAX_CONDITIONS + 1)]

    parsed = parse_explorer_url(pairs, now=NOW)

    assert len(parsed.url.excluded) == MAX_CONDITIONS
    assert "too many" in parsed.errors["-user"]
    assert parse_explorer_url(pairs[1:], now=NOW).errors == {}


def test_filters_and_excluded_values_can_be_dropped() -> None:
    """Each filter and each excluded value can be removed alone."""
    url = ExplorerUrl().only("user", "ann").without("user", "bob").without("user", "carl")

    assert url.drop_filter("user").excluded == (("user", "bob"), ("user", "carl"))
    assert url.drop_exclusion("user", "bob").excluded == (("user", "carl"),)
    assert not url.unfiltered().is_filtered


def test_dates_use_the_time_zone_of_the_url() -> None:
    """A date without offset is in the zone of the URL."""
    given = {"from": "2023-07-01T10:00", "to": "2023-07-01T11:00", "tz": "Europe/Berlin"}

    url = parsed_url(given).url

    assert url.start == 1_688_198_400_000  # 08:00 UTC
    assert url.end == url.start + HOUR


def test_addresses_are_canonical() -> None:
    """Other spellings of an address or network find the same events."""
    spellings = {"::ffff:203.0.113.7": "203.0.113.7", "203.0.113.9/24": "203.0.113.0/24"}

    read = {text: parsed_url({"ip": text}).url.filters["ip"] for text in spellings}

    assert read == spellings


def test_range_without_end_ends_now() -> None:
    """A range without an end ends now and turns live tail off."""
    url = parsed_url({"from": "5", "live": "1"}).url

    assert (url.start, url.end, url.live) == (5, NOW, False)
