"""``sqreen-mw demo``: a collector, a shop and a bank with simulated visitors."""
