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
        """Return the address of an event's page. It keeps the list to return to."""
        state = self.url.replace(live=False).query_string()
        return f"{self.base}/events/{quote(app, safe='')}/{event_id}{state}"

    def live(self, *, since: int) -> str:
        """Return the address of the live tail of matching events stored after ``since``."""
        parameters = [*self.url.replace(live=False).parameters(), ("since", str(since))]
        return f"{self.base}/events/live?{urlencode(parameters)}"

    def around(self, timestamp: int) -> ExplorerUrl:
        """Return the URL of the shown range, or of another one if it lacks the given time."""
        url = self.url.replace()
        start, end = self.url.window(self.now)
        if start <= timestamp < end:
            return url
        for preset in ("24h", "7d", "30d"):
            if self.now - PRESETS[preset] <= timestamp <= self.now:
                return url.with_preset(preset)
        day = timestamp // HOUR * HOUR - DAY // 2
        return url.with_range(max(day, MIN_TIMESTAMP), min(day + DAY, MAX_TIMESTAMP + 1))

    def pivot(self, timestamp: int, name: str, text: str) -> str:
        """Return the events of one value in the shown range, app and environment."""
        url = self.around(timestamp)
        kept = {key: url.filters[key] for key in ("app", "env") if key in url.filters}
        return self.explorer(url.replace(filters={**kept, name: text}, excluded=()))
