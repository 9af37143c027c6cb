"""Test the parser of plain parameters."""

from contextlib import suppress
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.collector.events.base import Cursor
from sqreen_mw.collector.events.filter_parameters import (
    FILTERS,
    build_filter,
    exactly,
    format_cursor,
    parse_cursor,
    parse_filter,
    parse_time,
)
from sqreen_mw.collector.events.filters import And, Comparison, Or
from sqreen_mw.protocol.limits import MAX_TIMESTAMP, MIN_TIMESTAMP


def test_parameters_become_comparisons() -> None:
    """Each parameter has its field and operator."""
    given_values = {
        "event": "login.*",
        "ip": "203.0.113.0/24",
        "user": "42",
        "q": "x",
        "app": "a",
        "outcome": "failed",
        "imported": "true",
    }

    assert build_filter(given_values) == And(
        (
            Comparison(("event",), "like", "login.*"),
            Comparison(("ip",), "in", "203.0.113.0/24"),
            Comparison(("user",), "=", "42"),
            Comparison(("text",), "contains", "x"),
            Comparison(("app",), "=", "a"),
            Comparison(("outcome",), "=", "failed"),
            Comparison(("imported",), "=", "true"),
        )
    )
    assert build_filter({"event": "*"}) == And(())


@pytest.mark.parametrize(
    ("text", "patterns"),
    [("Ann@*", ["Ann@*"]), ("\u00c9va*", ["\u00c9va*", "\u00e9va*"]), ("\uff21*", ["A*", "a*"])],
)
def test_pattern_of_a_user_ignores_case(text: str, patterns: list[str]) -> None:
    """The store ignores the case of ASCII letters; other letters have a pattern for each case."""
    comparisons = tuple(Comparison(("user",), "like", pattern) for pattern in patterns)

    assert build_filter({"user": text}) == And((Or(comparisons),))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "outcome",
            "faild",
            r"must be succeeded, failed, refused or error \(did you mean failed\?\)",
        ),
        ("outcome", "SUCCESS", r"did you mean succeeded\?"),
        ("identity", "Claimed", r"must be established or claimed \(did you mean claimed\?\)"),
        ("imported", "yes", "must be true or false$"),
        ("forwarded_ignored", "True", r"did you mean true\?"),
    ],
)
def test_choice_names_its_values(name: str, text: str, message: str) -> None:
    """The error has all values, and the nearest one."""
    with pytest.raises(ValueError, match=message):
        parse_filter(name, text)


@pytest.mark.parametrize("name", FILTERS)
def test_empty_value_is_no_filter(name: str) -> None:
    """An empty field of a form filters nothing."""
    assert build_filter({name: parse_filter(name, "")}) == And(())


@pytest.mark.parametrize("value", ["ann", " lead ", "a*b", '"quoted"', '"', "", "two\nlines"])
def test_quoted_value_is_compared_as_it_is(value: str) -> None:
    """In quotes, stars, spaces and quotes are part of the value."""
    text = parse_filter("user", exactly(value))

    assert build_filter({"user": text}) == And((Comparison(("user",), "=", value),))


@pytest.mark.parametrize(
    ("name", "text", "kept"),
    [("user", " ann\n", "ann"), ("event", "\tlogin.* ", "login.*"), ("app", " a ", " a ")],
)
def test_outer_spaces_are_removed_from_typed_text(name: str, text: str, kept: str) -> None:
    """Pasted spaces are removed, but not from names that a menu offers."""
    assert parse_filter(name, text) == kept


@pytest.mark.parametrize("name", FILTERS)
def test_too_long_value_is_rejected(name: str) -> None:
    """Every filter has a maximum length."""
    with pytest.raises(ValueError, match="must have at most"):
        parse_filter(name, "1" * (FILTERS[name].max_length + 1))


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("203.0.113.9/24", "203.0.113.0/24"),
        ("2001:DB8::/32", "2001:db8::/32"),
    ],
)
def test_addresses_become_canonical(text: str, canonical: str) -> None:
    """Other spellings of an address or network are equal."""
    assert parse_filter("ip", text) == canonical


@pytest.mark.parametrize("text", ["x", "203.0.113", "203.0.113.300", "10.0.0.0/99"])
def test_invalid_address_is_rejected(text: str) -> None:
    """The error shows a valid network."""
    with pytest.raises(ValueError, match=r"203\.0\.113\.0/24"):
        parse_filter("ip", text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-5", -5),
        ("2023-07-01T10:00Z", 1_688_205_600_000),
        ("2023-07-01T10:00+02:00", 1_688_198_400_000),
        ("2023-07-01T10:00", 1_688_198_400_000),
        ("9999-12-31T23:59:59.999999Z", MAX_TIMESTAMP),
    ],
)
def test_time_is_milliseconds_or_iso_8601(text: str, value: int) -> None:
    """A time without offset is in the given zone."""
    assert parse_time(text, zone=ZoneInfo("Europe/Berlin")) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tomorrow", "milliseconds"),
        ("2023-07-01T10:00", "2026-01-31T12:00:00Z"),
        ("9" * 16, "milliseconds"),
        ("9" * 15, "years 1 to 9999"),
        (str(MIN_TIMESTAMP - 1), "years 1 to 9999"),
    ],
)
def test_invalid_time_is_rejected(text: str, message: str) -> None:
    """Without a zone the offset is required, and times are in the calendar."""
    with pytest.raises(ValueError, match=message):
        parse_time(text)


@given(st.text())
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    """No text raises another exception."""
    with suppress(ValueError):
        assert parse_time(text, zone=UTC) >= MIN_TIMESTAMP


@given(st.builds(Cursor, st.integers(MIN_TIMESTAMP, MAX_TIMESTAMP), st.integers(0, 10**18 - 1)))
def test_cursor_round_trip(cursor: Cursor) -> None:
    """Formatting a cursor and parsing it again changes nothing."""
    assert parse_cursor(format_cursor(cursor)) == cursor


@pytest.mark.parametrize("text", ["", "x", "1.", ".1", "1.-1", "1.1.1", "1" * 40])
def test_invalid_cursor_is_rejected(text: str) -> None:
    """The error says to return to the first page."""
    with pytest.raises(ValueError, match="first page"):
        parse_cursor(text)
