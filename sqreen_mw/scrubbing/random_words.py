"""Masks words that look generated, for texts in which no name marks a secret."""

import re
from typing import Final

from sqreen_mw.protocol.mask import MASK
from sqreen_mw.scrubbing.secret_values import SHORTEST_RANDOM, is_random

_WORD: Final = re.compile(rf"[\w+=~-]{{{SHORTEST_RANDOM},}}")


def mask_random_words(text: str) -> str:
    """Return a text with the words masked that look generated."""
    return _WORD.sub(_masked, text)


def _masked(word: re.Match[str]) -> str:
    return MASK if is_random(word[0]) else word[0]
