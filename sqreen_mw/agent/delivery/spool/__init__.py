"""Batches on disk while the collector is away; this process or a later one sends them."""
