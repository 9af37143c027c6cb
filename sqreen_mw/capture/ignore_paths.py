"""Patterns for paths that are ignored, such as those of health checks."""

from collections.abc import Iterable
from typing import Final


class PathPatterns:
    """A set of paths. A path that ends with ``*`` is a prefix."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """Parse patterns.

        Raises:
            ValueError: A pattern does not begin with a slash.
        """
        self._patterns: Final = frozenset(patterns)
        for pattern in self._patterns:
            if not pattern.startswith("/"):
                raise ValueError(f"must be paths such as /healthz or /static/*, not {pattern!r}")
        self._exact: Final = frozenset(p for p in self._patterns if not p.endswith("*"))
        self._prefixes: Final = tuple(p[:-1] for p in self._patterns - self._exact)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PathPatterns) and self._patterns == other._patterns

    def __hash__(self) -> int:
        return hash(self._patterns)

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and (path in self._exact or path.startswith(self._prefixes))
