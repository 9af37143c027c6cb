"""A server that takes every contestant's events, and counts them."""
