"""Describes requests: pure functions over plain values."""
