"""A server that accepts and counts the events of all contestants."""
