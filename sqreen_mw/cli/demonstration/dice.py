"""Where every choice of the visitors comes from."""

from random import Random


def dice(seed: float) -> Random:
    """Return choices that are the same for the same seed."""
    return Random(seed)  # noqa: S311  # a play, nothing secret
