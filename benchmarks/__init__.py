"""Measurements that are too slow or too variable for tests. Each is a command."""
