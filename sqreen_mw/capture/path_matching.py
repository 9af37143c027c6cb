"""Parses route templates such as ``/reset/{token:uuid}`` and matches them with paths."""

import re
from collections import Counter
from functools import lru_cache
from itertools import zip_longest
from typing import Final, NamedTuple, TypeAlias

_PLACEHOLDER: Final = re.compile(
    r"<\s*(?P<first>\w+)(?:\(.*?\))?\s*(?::(?P<second>[^<>]*))?>|\{(?P<curly>[^{}]*)\}"
)
_MARK: Final = "\0"
_CONVERTERS: Final = frozenset(
    {"date", "datetime", "decimal", "default", "dt", "float", "int"}
    | {"slug", "str", "string", "time", "timedelta", "uuid"}
)
"""Converters of frameworks whose values have no slash. Other converters may have slashes."""

_BOTTLES: Final = frozenset({"float", "int"})
_NONE: Final[tuple[set[str], bool]] = set(), True


class Part(NamedTuple):
    """The part of a template between two slashes.

    Attributes:
        before: The text before the first placeholder; without a placeholder, the whole part.
        names: The placeholders' names. If Bottle and Werkzeug differ, it contains both.
        after: The text after the last placeholder.
        has_slashes: True if a placeholder's value can contain slashes.
    """

    before: str
    names: frozenset[str] = frozenset()
    after: str = ""
    has_slashes: bool = False

    def matches(self, text: str) -> bool:
        """Return whether a part of a path can match."""
        if not self.names:
            return text == self.before
        room = len(text) >= len(self.before) + len(self.after)
        return room and text.startswith(self.before) and text.endswith(self.after)


PathMatch: TypeAlias = list[tuple[str, Part]]


@lru_cache(maxsize=1024)
def template_parts(template: str) -> tuple[Part, ...]:
    """Return the parts of a template; none for a regular expression."""
    if template.startswith("^") or "(?" in template:
        return ()
    placeholders = iter([_read(match) for match in _PLACEHOLDER.finditer(template)])
    parts = []
    for text in _PLACEHOLDER.sub(_MARK, template).split("/"):
        before, *others = text.split(_MARK)
        held = [next(placeholders, _NONE) for _ in others]
        names = frozenset[str]().union(*(names for names, _ in held))
        parts.append(
            Part(before, names, others[-1] if others else "", any(slashes for _, slashes in held))
        )
    return tuple(parts)


@lru_cache(maxsize=1024)
def template_names(template: str) -> frozenset[str]:
    """Return the names of a template's parameters or a regular expression's groups."""
    return frozenset[str]().union(*map(_read_names, _PLACEHOLDER.finditer(template)))


@lru_cache(maxsize=1024)
def repeated_names(template: str) -> frozenset[str]:
    """Return the names that occur more than once in a template."""
    times = Counter(
        name for match in _PLACEHOLDER.finditer(template) for name in _read_names(match)
    )
    return frozenset(name for name, count in times.items() if count > 1)


def match_path(path: str, parts: tuple[Part, ...]) -> PathMatch | None:
    """Return the parts of a path with the matching parts of a template, or None.

    If several template parts can contain slashes, their ends in the path are unknown. All parts
    from the first to the last of them are joined.
    """
    texts = path.split("/")
    if not parts[-1].has_slashes and (texts[-1] == "") != (parts[-1] == Part("")):
        # Frameworks can be configured to ignore a trailing slash.
        parts = (*parts, Part("")) if texts[-1] == "" else parts[:-1]
    long = [place for place, part in enumerate(parts) if part.has_slashes]
    if long:
        first, last = long[0], long[-1] + 1
        end = len(texts) - (len(parts) - last)
        texts[first:end] = ["/".join(texts[first:end])]
        parts = (*parts[:first], _joined(parts[first:last]), *parts[last:])
    pairs = list(zip_longest(texts, parts, fillvalue=None))
    fit = [(text, part) for text, part in pairs if text is not None and part is not None]
    return fit if len(fit) == len(pairs) and all(part.matches(text) for text, part in fit) else None


def _joined(parts: tuple[Part, ...]) -> Part:
    names = frozenset[str]().union(*(part.names for part in parts))
    return Part(parts[0].before, names, parts[-1].after, has_slashes=True)


def _read(placeholder: re.Match[str]) -> tuple[set[str], bool]:
    """Return the names in a placeholder, and whether its value can contain slashes.

    Werkzeug and Django write ``<converter:name>``, Bottle ``<name:filter>``, others
    ``{name:converter}``.
    """
    first, second, curly = placeholder.group("first", "second", "curly")
    if curly is not None:
        name, _, converter = curly.partition(":")
        return {name.strip()}, _bare(converter) not in _CONVERTERS | {""}
    if second is None:
        return {first}, False
    names = {first, second.strip(), second.partition(":")[0].strip()}
    return names, first not in _CONVERTERS and _bare(second) not in _BOTTLES


def _read_names(placeholder: re.Match[str]) -> set[str]:
    return _read(placeholder)[0]


def _bare(converter: str) -> str:
    return converter.partition("(")[0].strip()
