"""The Event Explorer: list, chart, one event, live tail, and the page before the first event."""
