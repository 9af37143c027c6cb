"""Harbour Bank: a small bank on Flask that tracks business events."""
