"""Harbour Bank: a small bank on Flask that tracks its business events."""
