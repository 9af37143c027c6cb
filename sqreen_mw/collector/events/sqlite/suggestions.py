"""Find event names and users that begin with a text, from indexes only."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sqreen_mw.collector.events.base import Suggested
from sqreen_mw.collector.events.sqlite.compile import KNOWN_USERS

_NAMES: Final = """
WITH RECURSIVE chain (name) AS (
  SELECT min(name) FROM events
  UNION ALL
  SELECT (SELECT min(name) FROM events WHERE name > chain.name) FROM chain
  WHERE chain.name IS NOT NULL
)
SELECT text FROM chain JOIN words ON words.id = chain.name
WHERE substr(text, 1, length(?1)) = ?1 ORDER BY text LIMIT ?2"""
# The values are sorted: those that begin with the text are the first ones.
_USERS: Final = f"""
SELECT value FROM ({KNOWN_USERS} LIMIT ?2) WHERE substr(value, 1, length(?1)) = ?1"""

SUGGESTIONS: Final[Mapping[Suggested, str]] = MappingProxyType({"event": _NAMES, "user": _USERS})
"""Each statement takes the beginning of a value and the maximum number of values."""
