"""The collector's log on stderr: its format, and one line per cause and interval."""

import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqreen_mw.cli.terminal_text import printable
from sqreen_mw.collector.settings import Settings

INTERVAL: Final = 60.0
"""Seconds in which further records of the same cause are only counted."""

_MAX_CAUSES: Final = 1000


def set_up_logging(settings: Settings) -> None:
    """Log to stderr, at the level and in the format of the settings."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else TextFormatter())
    handler.addFilter(OncePerInterval())
    root = logging.getLogger()
    root.handlers = [handler]
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    logging.getLogger("sqreen_mw").setLevel(level)
    # Other packages log their progress at the level of information.
    root.setLevel(level if level == logging.DEBUG else max(level, logging.WARNING))


@dataclass(slots=True)
class _Repeats:
    logged_at: float
    suppressed: int = 0


class OncePerInterval(logging.Filter):
    """Let one record of each cause pass in an interval.

    The cause is the record's attribute ``cause``, or the place and kind of an error. The next line
    of a cause ends with the number of records that were suppressed.
    """

    def __init__(
        self, interval: float = INTERVAL, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._interval = interval
        self._clock = clock
        self._causes: OrderedDict[Hashable, _Repeats] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return False if a record is suppressed."""
        cause, now = _cause(record), self._clock()
        known = self._causes.get(cause)
        if known is not None and now - known.logged_at < self._interval:
            known.suppressed += 1
            return False
        if known is not None and known.suppressed:
            record.msg = f"{record.getMessage()} (and {known.suppressed} times more before)"
            record.args = ()
        self._causes[cause] = _Repeats(now)
        self._causes.move_to_end(cause)
        if len(self._causes) > _MAX_CAUSES:
            self._causes.popitem(last=False)
        return True


def _cause(record: logging.LogRecord) -> Hashable:
    given: Hashable = getattr(record, "cause", None)
    text = record.getMessage() if given is None else record.msg
    error = record.exc_info[1] if record.exc_info else None
    trace = error.__traceback__ if error else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = (trace.tb_frame.f_code.co_filename, trace.tb_lineno) if trace else None
    return record.name, record.levelno, text, given, type(error), place


class TextFormatter(logging.Formatter):
    """Format a record as time, level, logger and message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the lines of a traceback. No escape sequence reaches a terminal."""
        message = printable(record.getMessage().strip())
        line = f"{_time(record)} {record.levelname} {record.name}: {message}"
        if record.exc_info:
            trace = self.formatException(record.exc_info).splitlines()
            line = "\n".join([line, *map(printable, trace)])
        return line


class JsonFormatter(logging.Formatter):
    """Format a record as a JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        members = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage().strip(),
        }
        if record.exc_info:
            members["exception"] = self.formatException(record.exc_info)
        return json.dumps(members)


def _time(record: logging.LogRecord) -> str:
    text = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
