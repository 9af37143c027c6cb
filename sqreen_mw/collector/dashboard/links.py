"""Addresses of pages, below the root path, as the page at hand would link to them."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from sqreen_mw.collector.dashboard.assets import asset_path
from sqreen_mw.collector.dashboard.charts import DAY, HOUR
from sqreen_mw.collector.dashboard.explorer_url import PRESETS, ExplorerUrl
from sqreen_mw.protocol.limits import MAX_TIMESTAMP, MIN_TIMESTAMP


@dataclass(frozen=True, slots=True)
class Links:
    """Links from one state of the Explorer; ``base`` is the root path without its last slash."""

    base: str
    state: ExplorerUrl
    now: int

    def asset(self, name: str) -> str:
        """Return the address of one of our files."""
        return self.base + asset_path(name)

    def explorer(self, state: ExplorerUrl) -> str:
        """Return the address of the Explorer in a state."""
        return f"{self.base}/events{state.query_string()}"

    def event(self, app: str, event_id: str) -> str:
        """Return the address of an event's own page."""
        zone = "" if self.state.tz == "UTC" else "?" + urlencode({"tz": self.state.tz})
        return f"{self.base}/events/{quote(app, safe='')}/{event_id}{zone}"

    def live(self, *, since: int) -> str:
        """Return the address of the stream of what is stored after ``since`` and matches."""
        parameters = self.state.but(live=False).parameters() | {"since": str(since)}
        return f"{self.base}/events/live?{urlencode(parameters)}"

    def pivot(self, timestamp: int, *, app: str | None = None, **only: str) -> str:
        """Return the Explorer with one filter alone, over a range that shows the given time."""
        state = ExplorerUrl(tz=self.state.tz, app=app, **only)  # type: ignore[arg-type]  # texts
        start, end = self.state.window(self.now)
        if start <= timestamp < end:
            same = (self.state.preset, self.state.start, self.state.end)
            preset, start_of, end_of = same
            return self.explorer(state.but(preset=preset, start=start_of, end=end_of))
        for preset in ("24h", "7d", "30d"):
            if self.now - PRESETS[preset] <= timestamp <= self.now:
                return self.explorer(state.lasting(preset))
        day = timestamp // HOUR * HOUR - DAY // 2
        first, last = max(day, MIN_TIMESTAMP), min(day + DAY, MAX_TIMESTAMP + 1)
        return self.explorer(state.during(first, last))
