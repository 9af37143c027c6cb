"""The API's query parameters, the same in a URL and in a JSON body."""

from typing import Annotated, Any, Final, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
)

from sqreen_mw.collector.api.access import app_to_read
from sqreen_mw.collector.api.problems import invalid_parameters
from sqreen_mw.collector.events.base import EventQuery
from sqreen_mw.collector.events.filter_parameters import (
    FILTERS,
    build_filter,
    check_time,
    parse_cursor,
    parse_filter,
    parse_time,
)

DAY: Final = 24 * 60 * 60 * 1000
"""Milliseconds of the default range."""


def _parsed_filter(text: str, info: ValidationInfo) -> str:
    return parse_filter(info.field_name or "", text)


def _parsed_time(value: Any) -> Any:
    return parse_time(value) if isinstance(value, str) else value


def _checked_cursor(text: str) -> str:
    parse_cursor(text)
    return text


def _filter(name: str) -> Any:
    parameter = FILTERS[name]
    schema = {"maxLength": parameter.max_length}
    return Field(None, description=parameter.description, json_schema_extra={**schema})


FilterText: TypeAlias = Annotated[str, AfterValidator(_parsed_filter)]

Time: TypeAlias = Annotated[
    int,
    BeforeValidator(_parsed_time),
    AfterValidator(check_time),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "format": "date-time"}]}),
]


class Filters(BaseModel, extra="forbid", frozen=True):
    """Filters that must all match, and a time range."""

    app: FilterText | None = _filter("app")
    env: FilterText | None = _filter("env")
    event: FilterText | None = _filter("event")
    ip: FilterText | None = _filter("ip")
    user: FilterText | None = _filter("user")
    q: FilterText | None = _filter("q")
    start: Time | None = Field(
        None,
        alias="from",
        description="start, in milliseconds or RFC 3339; by default one day before the end",
    )
    end: Time | None = Field(None, alias="to", description="end (exclusive); by default now")

    def query(self, *, only_app: str | None, now: int) -> EventQuery:
        """Return the query. ``only_app`` is the only app that the client may read, if set.

        Raises:
            ProblemError: The end is before the start, or the client may not read the app.
        """
        end = now + 1 if self.end is None else self.end
        start = end - DAY if self.start is None else self.start
        if start > end:
            raise invalid_parameters(
                [
                    {"loc": ("from",), "msg": f"{start} is after the end"},
                    {"loc": ("to",), "msg": f"{end} is before the start"},
                ]
            )
        values = self.filters()
        app = app_to_read(only_app, self.app)
        if app is not None:
            values["app"] = app
        return EventQuery(start=start, end=end, filter=build_filter(values))

    def filters(self) -> dict[str, str]:
        """Return the given filters by name."""
        return self.model_dump(include=set(FILTERS), exclude_none=True)


class PageParameters(Filters, frozen=True):
    """Parameters of a page of events."""

    limit: int = Field(50, ge=1, le=1000, description="maximum number of events")
    page_token: Annotated[str, AfterValidator(_checked_cursor)] | None = Field(
        None, max_length=64, description="next_page_token of the previous page"
    )


class HistogramParameters(Filters, frozen=True):
    """Parameters of a histogram."""

    interval: int = Field(ge=1, le=366 * DAY, description="length of an interval in milliseconds")
