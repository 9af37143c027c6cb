import json
import logging
import sys
from collections.abc import Callable

import pytest

from sqreen_mw.cli.log_output import JsonFormatter, OncePerInterval, TextFormatter
from tests.support.clock import JumpingClock


def record(
    text: str = "refused", *args: object, cause: object = None, level: int = logging.WARNING
) -> logging.LogRecord:
    """Return a log record."""
    made = logging.LogRecord("sqreen_mw.collector", level, "", 0, text, args, None)
    made.created = 1_800_000_000.25
    if cause is not None:
        made.cause = cause
    return made


def failed(function: Callable[[], object]) -> logging.LogRecord:
    """Return the record of a failed request."""
    try:
        function()
    except Exception:  # noqa: BLE001  # any error can be logged
        return logging.LogRecord("uvicorn.error", 40, "", 0, "failed\n", (), sys.exc_info())
    raise AssertionError


def test_cause_is_logged_once_per_interval() -> None:
    """Repeats are counted, and the next line has their number."""
    clock = JumpingClock()
    clock.freeze()
    once = OncePerInterval(60, clock=clock)
    first = [once.filter(record("refused %s", 1, cause="a")) for _ in range(3)]
    other = once.filter(record("refused %s", 2, cause="b"))
    clock.skip(60)
    later = record("refused %s", 1, cause="a")

    assert first == [True, False, False]
    assert other
    assert once.filter(later)
    assert later.getMessage() == "refused 1 (and 2 times more before)"


def test_lines_without_a_cause_are_told_apart_by_their_text() -> None:
    """Another text, another level or another error is another cause."""
    once = OncePerInterval(60, clock=JumpingClock())
    records = [
        record("%s is open", "a"),
        record("%s is open", "b"),
        record("%s is open", "a"),
        record("%s is open", "a", level=logging.ERROR),
        failed(lambda: 1 // 0),
        failed(lambda: int("x")),
        failed(lambda: int("y")),
    ]

    assert [once.filter(each) for each in records] == [True, True, False, True, True, True, True]


def test_number_of_causes_is_limited() -> None:
    """A stranger who invents causes needs no memory without end."""
    once = OncePerInterval(60, clock=JumpingClock())
    for number in range(3000):
        assert once.filter(record(cause=number))

    assert once.filter(record(cause=0))


def test_text_line_has_time_level_and_logger() -> None:
    """A line begins with the time in UTC, the level and the logger."""
    line = TextFormatter().format(record("no %s", "token"))

    assert line == "2027-01-15T08:00:00.250Z WARNING sqreen_mw.collector: no token"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("two\nlines", r"two\nlines"),
        ("\x9b2J", r"\x9b2J"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("Zoë 日本 🚀", "Zoë 日本 🚀"),
    ],
)
def test_names_cannot_control_a_terminal(name: str, shown: str) -> None:
    """Escape sequences, line breaks and direction marks are shown as escapes."""
    line = TextFormatter().format(record("wrong password for %s", name))

    assert line.endswith(f": wrong password for {shown}")


def test_traceback_follows_the_line() -> None:
    """An error's traceback stays readable, and its text cannot control a terminal either."""

    def fail() -> None:
        raise ValueError("\x1b]0;title\x07")

    lines = TextFormatter().format(failed(fail)).splitlines()

    assert lines[0].endswith("uvicorn.error: failed")
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1] == r"ValueError: \x1b]0;title\x07"


def test_json_line_is_an_object() -> None:
    """The format json has the same members on one line."""
    line = JsonFormatter().format(record("name %s", "\x1b\n\ud800"))

    assert json.loads(line) == {
        "time": "2027-01-15T08:00:00.250Z",
        "level": "warning",
        "logger": "sqreen_mw.collector",
        "message": "name \x1b\n\ud800",
    }
    assert line.isprintable()
    assert (
        "ZeroDivisionError"
        in json.loads(JsonFormatter().format(failed(lambda: 1 // 0)))["exception"]
    )
