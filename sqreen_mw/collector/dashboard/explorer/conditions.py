"""Filters by the names of URL parameters.

Besides the parameters of the API, the Explorer filters by each value of an event. Such a parameter
is named after its field, with dots: ``properties.code``, ``request.status``. In a key, ``~1``
stands for a dot and ``~0`` for ``~``, similar to JSON Pointer (RFC 6901).
"""

from typing import Final

from sqreen_mw.collector.events.filter_parameters import FILTERS, build_filter, parse_filter
from sqreen_mw.collector.events.filters import MAX_VALUE_LENGTH, And, Comparison, Field, Filter

_CONTAINERS: Final = frozenset({"user", "request", "properties", "traits"})


def condition_name(*path: str) -> str:
    """Return the name of a field's parameter."""
    return ".".join(part.replace("~", "~0").replace(".", "~1") for part in path)


def is_condition(name: str) -> bool:
    """Return True if a parameter is a filter."""
    head, dot, _ = name.partition(".")
    return name in FILTERS or name == "release" or (head in _CONTAINERS and bool(dot))


def parse_condition(name: str, text: str) -> str:
    """Return the checked value of a filter, or an empty string if it filters nothing.

    Raises:
        ValueError: The value is not valid. The message follows the name of the parameter.
    """
    if name in FILTERS:
        return parse_filter(name, text)
    if len(text) > MAX_VALUE_LENGTH:
        raise ValueError(f"must have at most {MAX_VALUE_LENGTH} characters")
    return text


def condition(name: str, text: str) -> Filter:
    """Return the filter of a parameter."""
    if name in FILTERS:
        return build_filter({name: text})
    return And((Comparison(_field(name), "=", text),))


def _field(name: str) -> Field:
    return tuple(part.replace("~1", ".").replace("~0", "~") for part in name.split("."))
