"""Transports: how batches leave the process."""
