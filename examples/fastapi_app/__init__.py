"""Fern & Fig: a small plant shop on FastAPI that tracks business events."""
