"""Batches on disk, for as long as the collector is away: written once, sent by whoever comes."""
