"""Ranges around the shown one: wider, or 24 hours."""

from typing import Final

from sqreen_mw.collector.dashboard.explorer.url import (
    CLOCK_TOLERANCE,
    DEFAULT_PRESET,
    PRESETS,
    ExplorerUrl,
)
from sqreen_mw.collector.dashboard.web.charts import DAY, MINUTE
from sqreen_mw.protocol.limits import MAX_TIMESTAMP, MIN_TIMESTAMP

_FACTOR: Final = 3


def zoomed_out(url: ExplorerUrl, *, now: int) -> ExplorerUrl:
    """Return a wider range: the next preset, or a range around the shown one."""
    longer = list(PRESETS)[list(PRESETS).index(url.preset) + 1 :]
    if url.start is None and longer:
        return url.replace().with_preset(longer[0])
    start, end = url.window(now)
    return _around(url, length=max(_FACTOR * (end - start), MINUTE), now=now)


def widened(url: ExplorerUrl, *, now: int) -> ExplorerUrl | None:
    """Return the 24 hours around a shorter range, or None if the range is not shorter."""
    start, end = url.window(now)
    if end - start >= DAY:
        return None
    if now - DAY <= start and end <= now + CLOCK_TOLERANCE:
        return url.replace().with_preset(DEFAULT_PRESET)
    return _around(url, length=DAY, now=now)


def _around(url: ExplorerUrl, *, length: int, now: int) -> ExplorerUrl:
    start, end = url.window(now)
    # The present is the end, unless the range lies in the future already.
    last = min((start + end + length) // 2, max(now, end), MAX_TIMESTAMP + 1)
    return url.replace().with_range(max(last - length, MIN_TIMESTAMP), last)
