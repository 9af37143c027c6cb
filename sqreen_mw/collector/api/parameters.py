"""The parameters that choose events, the same in a URL and in a JSON body."""

import base64
import ipaddress
import re
from datetime import datetime
from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WithJsonSchema

from sqreen_mw.collector.api.problems import invalid_parameters
from sqreen_mw.collector.events.base import Cursor, EventQuery
from sqreen_mw.protocol.limits import (
    MAX_IDENTIFIER_LENGTH,
    MAX_NAME_LENGTH,
    MAX_TIMESTAMP,
    MIN_TIMESTAMP,
)

DAY: Final = 24 * 60 * 60 * 1000
"""Milliseconds of the time range that is searched where none is given."""

_MAX_TEXT: Final = 256
_CURSOR: Final = re.compile(rb"(-?[0-9]{1,15})\.([0-9]{1,18})")


def _moment(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if re.fullmatch(r"-?[0-9]{1,15}", value):
        return int(value)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(
            "give milliseconds since the epoch, or a time with offset such as 2026-01-31T12:00:00Z"
        )
    return round(moment.timestamp() * 1000)


def _network(text: str) -> str:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError("give an address or a network such as 203.0.113.0/24") from None
    return text


def _cursor(token: str) -> str:
    cursor_of(token)
    return token


Moment: TypeAlias = Annotated[
    int,
    BeforeValidator(_moment),
    Field(ge=MIN_TIMESTAMP, le=MAX_TIMESTAMP + 1),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "format": "date-time"}]}),
]


class Filters(BaseModel, extra="forbid", frozen=True):
    """Which events: every filter that is given must hold."""

    app: str | None = Field(None, max_length=MAX_NAME_LENGTH, description="name of the app")
    env: str | None = Field(None, max_length=MAX_NAME_LENGTH, description="environment")
    event: str | None = Field(
        None, max_length=MAX_NAME_LENGTH, description="event name; * stands for any text"
    )
    ip: Annotated[str, AfterValidator(_network)] | None = Field(
        None, description="address, or network in CIDR form"
    )
    user: str | None = Field(
        None, max_length=MAX_IDENTIFIER_LENGTH, description="value of any identifier of the user"
    )
    q: str | None = Field(None, max_length=_MAX_TEXT, description="free text")
    start: Moment | None = Field(
        None, alias="from", description="first millisecond, or RFC 3339; by default a day before"
    )
    end: Moment | None = Field(
        None, alias="to", description="the millisecond after the last; by default now"
    )

    def query(self, *, only_app: str | None, now: int) -> EventQuery:
        """Return the query; ``only_app`` is the app to which the asker is bound, if any.

        Raises:
            Problem: The range ends before it starts.
        """
        end = now + 1 if self.end is None else self.end
        start = end - DAY if self.start is None else self.start
        if start > end:
            raise invalid_parameters(
                [
                    {"loc": ("from",), "msg": f"{start} lies after the end"},
                    {"loc": ("to",), "msg": f"{end} lies before the start"},
                ]
            )
        return EventQuery(
            start=start,
            end=end,
            app=only_app or self.app,
            env=self.env,
            name=self.event,
            ip=self.ip,
            user=self.user,
            text=self.q,
        )


class PageParameters(Filters, frozen=True):
    """Which events, and which page of them."""

    limit: int = Field(50, ge=1, le=1000, description="events of a page")
    page_token: Annotated[str, AfterValidator(_cursor)] | None = Field(
        None, max_length=64, description="next_page_token of the page before"
    )

    @property
    def after(self) -> Cursor | None:
        """The place of the page's beginning."""
        return None if self.page_token is None else cursor_of(self.page_token)


class HistogramParameters(Filters, frozen=True):
    """Which events, and how long the intervals are in which they are counted."""

    interval: int = Field(ge=1, le=366 * DAY, description="milliseconds of an interval")


def page_token(cursor: Cursor) -> str:
    """Return the opaque text of a place."""
    return base64.urlsafe_b64encode(b"%d.%d" % (cursor.timestamp, cursor.seq)).decode().rstrip("=")


def cursor_of(token: str) -> Cursor:
    """Return the place of an opaque text.

    Raises:
        ValueError: It is none that this API gave.
    """
    try:
        data = base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True)
    except ValueError:
        data = b""
    match = _CURSOR.fullmatch(data)
    if match is None:
        raise ValueError("give the next_page_token of the page before, unchanged")
    return Cursor(int(match[1]), int(match[2]))
