"""Find event names and users that begin with a text, from indexes only."""

import sqlite3
from typing import Final

from sqreen_mw.collector.events.base import Suggested

_WALKED: Final = 10
"""Users of any app that are read for each wanted user of one app."""

_APP: Final = "(SELECT id FROM words WHERE text = :app)"
_NAMES: Final = f"""
SELECT DISTINCT text FROM names JOIN words ON words.id = names.name
WHERE (:app IS NULL OR names.app = {_APP}) AND substr(text, 1, length(:text)) = :text
ORDER BY text LIMIT :limit"""
# min() of the rest of the index finds the next value without reading all rows of this one.
# The values are sorted: those that begin with the text are the first ones. A user belongs to the
# apps of a few events, because one may have millions.
_USERS: Final = f"""
WITH RECURSIVE known (value) AS (
  SELECT min(value) FROM event_users WHERE value >= :text
  UNION ALL
  SELECT (SELECT min(value) FROM event_users WHERE value > known.value) FROM known
  WHERE known.value IS NOT NULL
  LIMIT :walked
)
SELECT value FROM known
WHERE substr(value, 1, length(:text)) = :text
AND (:app IS NULL OR {_APP} IN (
  SELECT e.app FROM (
    SELECT seq FROM event_users WHERE value = known.value ORDER BY timestamp DESC LIMIT 5
  ) AS newest CROSS JOIN events AS e ON e.seq = newest.seq
))
LIMIT :limit"""


def suggested_in(
    connection: sqlite3.Connection, field: Suggested, text: str, *, limit: int, app: str | None
) -> list[str]:
    """Return values of a period that begin with a text, in order."""
    walked = limit if app is None else limit * _WALKED
    values = {"text": text, "limit": limit, "app": app, "walked": walked}
    sql = _NAMES if field == "event" else _USERS
    return [value for (value,) in connection.execute(sql, values)]
