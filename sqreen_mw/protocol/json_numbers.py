"""Integers in JSON that have a decimal point, such as ``5.0``."""

from typing import Any


def with_integers(value: Any) -> Any:
    """Return decoded JSON with whole floats as integers.

    In JSON and JSON Schema ``5.0`` equals ``5``, and the encoders of some languages write it, but
    msgspec rejects it for an integer.
    """
    if isinstance(value, dict):
        return {key: with_integers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [with_integers(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
