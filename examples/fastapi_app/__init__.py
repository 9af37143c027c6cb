"""Fern & Fig: a small plant shop on FastAPI that tracks its business events."""
