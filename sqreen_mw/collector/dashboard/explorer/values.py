"""The values of an event, with links that filter by them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from sqreen_mw.collector.dashboard.explorer.conditions import condition_name
from sqreen_mw.collector.dashboard.explorer.links import Links
from sqreen_mw.collector.events.filters import MAX_VALUE_LENGTH

_MAX_LINE: Final = 60
"""Characters of JSON that fit on one line."""

_MAX_ITEMS: Final = 10
"""Items of a list that are separate values. A longer list is one text."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value. Its links show the events with and without it, if a filter can contain it."""

    label: str
    text: str
    only: str | None = None
    without: str | None = None


class ValueLinks:
    """Creates the values of an event. Their links keep the filters, and a range with the event."""

    def __init__(self, links: Links, timestamp: int) -> None:
        self._links = links
        self._url = links.around(timestamp)

    def value(self, label: str, text: str, *, name: str, filter_text: str | None = None) -> Value:
        """Return a value.

        Args:
            label: Its name on the page.
            text: Its text on the page.
            name: The parameter of its filter.
            filter_text: The text of its filter, if it differs.
        """
        wanted = text if filter_text is None else filter_text
        if not 0 < len(wanted) <= MAX_VALUE_LENGTH:
            return Value(label, text)
        only, without = self._url.only(name, wanted), self._url.without(name, wanted)
        return Value(label, text, self._links.explorer(only), self._links.explorer(without))

    def values(self, values: Mapping[str, Any], *path: str, label: str = "{}") -> tuple[Value, ...]:
        """Return each value of a mapping, also the nested ones.

        Args:
            values: The mapping.
            path: The name of its field.
            label: The format of the labels.
        """
        return tuple(
            self._leaf(label.format(".".join(keys)), found, condition_name(*path, *keys))
            for keys, found in _leaves(values)
        )

    def _leaf(self, label: str, value: Any, name: str) -> Value:
        if isinstance(value, (dict, list)):
            return Value(label, json_text(value))
        return self.value(label, _text(value), name=name)


def json_text(value: Any) -> str:
    """Return a value as JSON, on several lines if it is long."""
    encoded = msgspec.json.encode(value)
    is_long = len(encoded) > _MAX_LINE
    return (msgspec.json.format(encoded, indent=2) if is_long else encoded).decode()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict) and (value or not path):
        for key, child in value.items():
            yield from _leaves(child, (*path, key))
    elif isinstance(value, list) and _is_short(value):
        for child in value:
            yield path, child
    else:
        yield path, value


def _is_short(items: list[Any]) -> bool:
    is_nested = any(isinstance(item, (dict, list)) for item in items)
    return 0 < len(items) <= _MAX_ITEMS and not is_nested
