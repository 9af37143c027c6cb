"""Adapters with the same methods for ours and its peers."""
