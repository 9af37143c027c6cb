"""``sqreen-mw import``: sends events of the past from files to the collector."""
