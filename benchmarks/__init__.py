"""Measurements that are too long or too shaky for a test; each is a command."""
