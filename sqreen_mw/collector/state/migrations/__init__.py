"""Migrations of the state database, forward only."""
