import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.collector.importing.errors import RowError
from sqreen_mw.collector.importing.mapping import PRESETS, Mapping
from sqreen_mw.collector.importing.times import load_zone
from sqreen_mw.errors import ConfigurationError
from sqreen_mw.protocol.event_id import EVENT_ID_PATTERN
from sqreen_mw.protocol.mask import MASK
from tests.support.import_rows import NOW, builder_of

AT = 1_709_287_200_000


def row(**values: Any) -> dict[str, Any]:
    """Return a row with a name and a time."""
    return {"event": "coupon.applied", "timestamp": AT, **values}


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-01T10:00:00Z",
        "2024-03-01 11:00:00+01:00",
        "2024-03-01 10:00:00 UTC",
        "1709287200",
        "1709287200000",
        "1709287200000000",
        1_709_287_200,
        1_709_287_200.0,
        " 1709287200.000 ",
    ],
)
def test_timestamp_is_read(text: Any) -> None:
    """ISO 8601 with an offset, and numbers of seconds, milliseconds and microseconds are read."""
    assert builder_of().build(row(timestamp=text)).timestamp == AT


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "missing"),
        (None, "missing"),
        (True, "missing"),
        ([1], "missing"),
        ("yesterday", "not ISO 8601"),
        ("2024-02-30T00:00:00Z", "not ISO 8601"),
        ("2024-03-01T10:00:00", "use --timezone"),
        ("1969-12-31T23:59:59Z", "before 1970"),
        (-1, "before 1970"),
        (NOW + 10 * 60 * 1000, "in the future"),
        ("9999-12-31T23:59:59Z", "in the future"),
        (1e300, "in the future"),
    ],
)
def test_bad_timestamp_is_rejected(text: Any, reason: str) -> None:
    """A time that cannot be read or is out of range is never replaced by another one."""
    with pytest.raises(RowError, match=reason):
        builder_of().build(row(timestamp=text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-03-01 11:00:00", AT),
        ("2024-10-27 02:30:00", 1_729_989_000_000),  # the first of two
        ("2024-10-27T01:30:00Z", 1_729_992_600_000),
    ],
)
def test_timezone_applies_to_times_without_offset(text: str, expected: int) -> None:
    """A local time is read in the zone; of an hour that is repeated, the first is used."""
    assert builder_of(zone="Europe/Berlin").build(row(timestamp=text)).timestamp == expected


def test_skipped_hour_is_rejected() -> None:
    """A time that the clocks skip does not exist."""
    with pytest.raises(RowError, match="Europe/Berlin skip"):
        builder_of(zone="Europe/Berlin").build(row(timestamp="2024-03-31 02:30:00"))


@pytest.mark.parametrize("name", ["Mars/Base", "../etc/passwd", "", "Berlin"])
def test_unknown_timezone_is_refused(name: str) -> None:
    """An unknown zone is an error of the option."""
    with pytest.raises(ConfigurationError, match="--timezone"):
        load_zone(name)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"event": ""}, "no name"),
        ({"event": None}, "no name"),
        ({"event": 5}, "no name"),
        ({"event": "x" * 257}, "longer than"),
        ({"event": "sq.own"}, "reserved"),
        ({"ip": "1.2.3"}, "IP address"),
        ({"ip": "localhost"}, "IP address"),
        ({"status": "99"}, "status"),
        ({"status": "ok"}, "status"),
        ({"status": 1e400}, "status"),
    ],
)
def test_bad_value_is_rejected(values: dict[str, Any], reason: str) -> None:
    """A row with an unusable name, address or status is rejected."""
    mapping = Mapping(event="event", timestamp="timestamp", ip="ip", status="status")

    with pytest.raises(RowError, match=reason):
        builder_of(mapping).build(row(**values))


def test_row_becomes_an_event_within_limits() -> None:
    """Sixteen properties are kept, long texts are cut, and the event is marked."""
    names = [f"p{number}" for number in range(20)]
    mapping = Mapping(event="event", timestamp="timestamp", properties={n: n for n in names})

    event = builder_of(mapping).build(row(**dict.fromkeys(names[:3], "x" * 5000), p19=1))
    full = builder_of(mapping).build(row(**dict.fromkeys(names, 1)))

    assert [len(event.properties[name]) for name in names[:3]] == [4096] * 3
    assert (event.truncated, list(full.properties), full.truncated) == (True, names[:16], True)


def test_secrets_are_masked() -> None:
    """The default rules mask secrets in properties, paths, queries and identifiers."""
    mapping = Mapping(
        event="event",
        timestamp="timestamp",
        path="url",
        user_identifiers={"email": "email"},
        properties={"password": "password", "note": "note"},
    )
    jwt = (
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J"
        "3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
    )

    event = builder_of(mapping).build(
        row(
            url="https://u:hunter22@shop.example/a?token=abcdefgh12345",
            email="a@example.org",
            password="hunter22",
            note=f"Bearer {jwt}",
        )
    )

    assert event.request is not None
    assert (event.request.host, event.request.path) == ("shop.example", "/a")
    assert event.request.params.query == {"token": [MASK]}
    assert event.properties["password"] == MASK
    assert jwt not in str(event)
    assert (event.user_identifiers, event.identity) == ({"email": "a@example.org"}, "claimed")


def test_posthog_export_is_understood() -> None:
    """PostHog's columns give the user, the request, and the app's properties before its own."""
    inner: dict[str, Any] = {f"$p{number}": number for number in range(20)}
    inner |= {"plan": "gold", "$ip": "203.0.113.7", "$current_url": "https://shop.example/x?y=1"}

    event = builder_of(PRESETS["posthog"]).build(
        row(uuid="0190", distinct_id="u7", properties=inner)
    )

    assert event.user_identifiers == {"distinct_id": "u7"}
    assert event.request is not None
    assert (event.request.ip, event.request.path) == ("203.0.113.7", "/x")
    assert next(iter(event.properties)) == "plan"


def test_equal_rows_are_two_events_with_ids_of_their_own() -> None:
    """A second run gives the same ids, and two identical rows have two."""
    table = [row(a=1), row(a=2), row(a=1), row(a=1)]

    first, second = ([b.build(each).id for each in table] for b in (builder_of(), builder_of()))

    assert first == second
    assert len({*first}) == 4
    assert all(re.match(EVENT_ID_PATTERN, each) for each in first)


def test_own_id_makes_a_row_unique() -> None:
    """Rows with the same value of the id column have one id, whatever else they contain."""
    mapping = Mapping(event="event", timestamp="timestamp", id="uuid")
    builder = builder_of(mapping)

    same, changed, other = (
        builder.build(row(uuid=own, a=a)).id for own, a in (("x", 1), ("x", 2), ("y", 1))
    )

    assert same == changed != other


@given(st.lists(st.integers(0, 3), max_size=12), st.integers(0, 12))
def test_continued_import_gives_the_same_ids(numbers: list[int], skip: int) -> None:
    """Rows that are skipped or rejected count, so that the others keep their ids."""
    table = [row(a=n, timestamp="bad" if n == 3 else AT) for n in numbers]
    whole, rest = builder_of(), builder_of()
    for each in table[:skip]:
        rest.skip(each)

    def built(builder: Any, each: dict[str, Any]) -> str:
        try:
            return str(builder.build(each).id)
        except RowError:
            return "rejected"

    expected = [built(whole, each) for each in table]
    assert [built(rest, each) for each in table[skip:]] == expected[skip:]
