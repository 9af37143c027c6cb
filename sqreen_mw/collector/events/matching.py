"""Compare single values in Python, for the parts of a filter that a store cannot compile."""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from sqreen_mw.collector.events.filters import Comparison, Operator
from sqreen_mw.collector.events.packed_ip import packed_ip, packed_range

Test: TypeAlias = Callable[[Any], bool]


def value_test(comparison: Comparison) -> Test:
    """Return a function that tests one value of the comparison's field."""
    return _TESTS[comparison.operator](comparison.value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _equals(expected: Any) -> Test:
    if not isinstance(expected, str):
        return _number(operator.eq)(expected)
    return lambda value: bool(_text(value) == expected)


def _contains(expected: Any) -> Test:
    folded = _folded(expected)
    return lambda value: folded in _folded(_text(value))


def _folded(text: str) -> str:
    # bytes.lower() changes ASCII letters only, as LIKE does.
    return text.encode().lower().decode()


def _like(pattern: Any) -> Test:
    test = _glob(_folded(pattern))
    return lambda value: test(_folded(_text(value)))


def _glob(pattern: Any) -> Test:
    first, *rest = pattern.split("*")
    if not rest:
        return _equals(pattern)
    *middle, last = rest

    def test(value: Any) -> bool:
        # Each part takes its first match, so the time is linear.
        text = _text(value)
        position, end = len(first), len(text) - len(last)
        if position > end or not (text.startswith(first) and text.endswith(last)):
            return False
        for part in middle:
            found = text.find(part, position, end)
            if found < 0:
                return False
            position = found + len(part)
        return True

    return test


def _in_network(network: Any) -> Test:
    first, last = packed_range(network)

    def test(value: Any) -> bool:
        address = packed_ip(_text(value))
        return address is not None and first <= address <= last

    return test


def _number(compare: Callable[[Any, Any], bool]) -> Callable[[Any], Test]:
    def build(expected: Any) -> Test:
        # type() excludes bool, which is a subclass of int.
        return lambda value: type(value) in {int, float} and compare(value, expected)

    return build


_TESTS: Final[Mapping[Operator, Callable[[Any], Test]]] = {
    "=": _equals,
    "glob": _glob,
    "like": _like,
    "contains": _contains,
    "in": _in_network,
    "<": _number(operator.lt),
    "<=": _number(operator.le),
    ">": _number(operator.gt),
    ">=": _number(operator.ge),
}
