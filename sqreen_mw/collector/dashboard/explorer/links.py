"""Build links to the Explorer's pages."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from sqreen_mw.collector.dashboard.explorer.url import PRESETS, ExplorerUrl
from sqreen_mw.collector.dashboard.web.charts import DAY, HOUR
from sqreen_mw.protocol.limits import MAX_TIMESTAMP, MIN_TIMESTAMP


@dataclass(frozen=True, slots=True)
class Links:
    """Links from one Explorer URL. ``base`` is the root path without a trailing slash."""

    base: str
    url: ExplorerUrl
    now: int

    def explorer(self, url: ExplorerUrl) -> str:
        """Return the address of the Explorer."""
        return f"{self.base}/events{url.query_string()}"

    def event(self, app: str, event_id: str) -> str:
        """Return the address of an event's page."""
        zone = "" if self.url.tz == "UTC" else "?" + urlencode({"tz": self.url.tz})
        return f"{self.base}/events/{quote(app, safe='')}/{event_id}{zone}"

    def live(self, *, since: int) -> str:
        """Return the address of the live tail of matching events stored after ``since``."""
        parameters = self.url.replace(live=False).parameters() | {"since": str(since)}
        return f"{self.base}/events/live?{urlencode(parameters)}"

    def pivot(self, timestamp: int, **filters: str) -> str:
        """Return the Explorer with other filters, over a range that contains the given time."""
        url = ExplorerUrl(tz=self.url.tz, filters=filters)
        start, end = self.url.window(self.now)
        if start <= timestamp < end:
            same = self.url
            return self.explorer(url.replace(preset=same.preset, start=same.start, end=same.end))
        for preset in ("24h", "7d", "30d"):
            if self.now - PRESETS[preset] <= timestamp <= self.now:
                return self.explorer(url.with_preset(preset))
        day = timestamp // HOUR * HOUR - DAY // 2
        first, last = max(day, MIN_TIMESTAMP), min(day + DAY, MAX_TIMESTAMP + 1)
        return self.explorer(url.with_range(first, last))
