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
    CURSOR_PATTERN,
    FILTERS,
    build_filter,
    check_time,
    parse_cursor,
    parse_filter,
    parse_time,
)
from sqreen_mw.protocol.limits import MAX_TIMESTAMP, MIN_TIMESTAMP

DAY: Final = 24 * 60 * 60 * 1000
"""Milliseconds of the default range."""


def _parsed_filter(text: str, info: ValidationInfo) -> str:
    return parse_filter(info.field_name or "", text)


def _parsed_time(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a time")  # noqa: TRY004  # pydantic reports a ValueError
    return parse_time(value) if isinstance(value, str) else value


def _number(value: Any, info: ValidationInfo) -> Any:
    # In a URL everything is text. In JSON, text and truth values are no numbers.
    if isinstance(value, bool) or (isinstance(value, str) and info.mode == "json"):
        raise ValueError("must be a number")
    return value


def _switch_text(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _checked_cursor(text: str) -> str:
    parse_cursor(text)
    return text


def _filter(name: str) -> Any:
    parameter = FILTERS[name]
    schema = {"maxLength": parameter.max_length}
    return Field(None, description=parameter.description, json_schema_extra={**schema})


Number: TypeAlias = Annotated[int, BeforeValidator(_number)]

FilterText: TypeAlias = Annotated[str, AfterValidator(_parsed_filter)]

_NETWORKS: Final = (
    r"^([0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])(\.0){3}/([0-9]|[12][0-9]|3[0-2])$",
    r"^([0-9a-f]{1,4}:){1,7}:/([0-9]|[1-9][0-9]|1[01][0-9]|12[0-8])$",
)
"""Patterns of networks, as examples: many others are valid too."""

Network: TypeAlias = Annotated[
    FilterText,
    WithJsonSchema(
        {
            "type": "string",
            "anyOf": [
                {"maxLength": 0},
                {"format": "ipv4"},
                {"format": "ipv6"},
                *({"pattern": pattern} for pattern in _NETWORKS),
            ],
        }
    ),
]

OutcomeText: TypeAlias = Annotated[
    FilterText, WithJsonSchema({"type": "string", "enum": ["", *FILTERS["outcome"].choices]})
]

IdentityText: TypeAlias = Annotated[
    FilterText, WithJsonSchema({"type": "string", "enum": ["", *FILTERS["identity"].choices]})
]

Switch: TypeAlias = Annotated[
    FilterText,
    BeforeValidator(_switch_text),
    WithJsonSchema({"enum": ["", "true", "false", True, False]}),
]

Time: TypeAlias = Annotated[
    int,
    BeforeValidator(_parsed_time),
    AfterValidator(check_time),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": MIN_TIMESTAMP, "maximum": MAX_TIMESTAMP + 1},
                {"type": "string", "format": "date-time"},
                {"type": "string", "pattern": "^-?[0-9]{1,13}$"},
            ]
        }
    ),
]


class Filters(BaseModel, extra="forbid", frozen=True):
    """Filters that must all match, and a time range."""

    app: FilterText | None = _filter("app")
    env: FilterText | None = _filter("env")
    event: FilterText | None = _filter("event")
    ip: Network | None = _filter("ip")
    user: FilterText | None = _filter("user")
    q: FilterText | None = _filter("q")
    outcome: OutcomeText | None = _filter("outcome")
    identity: IdentityText | None = _filter("identity")
    imported: Switch | None = _filter("imported")
    forwarded_ignored: Switch | None = _filter("forwarded_ignored")
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
                ],
                status=409,
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

    limit: Number = Field(50, ge=1, le=1000, description="maximum number of events")
    page_token: Annotated[str, AfterValidator(_checked_cursor)] | None = Field(
        None,
        max_length=64,
        description="next_page_token of the previous page",
        json_schema_extra={"pattern": f"^{CURSOR_PATTERN}$"},
    )


class HistogramParameters(Filters, frozen=True):
    """Parameters of a histogram."""

    interval: Number = Field(
        ge=1, le=366 * DAY, description="length of an interval in milliseconds"
    )
