"""Reads events of the past from files: formats, columns, times, ids and limits. No HTTP."""
