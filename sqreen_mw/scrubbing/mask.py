"""Replace secrets in a text."""

from collections.abc import Iterable

from sqreen_mw.protocol.mask import MASK


def mask_spans(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Return a text with the given positions masked. A span inside an earlier one is ignored."""
    parts: list[str] = []
    done = 0
    for start, end in spans:
        if start >= done:
            parts += (text[done:start], MASK)
            done = end
    return "".join((*parts, text[done:])) if parts else text


def lowered(text: str) -> str:
    """Return a text of the same length in lower case."""
    # The dotted capital I is the only letter that becomes longer.
    return text.lower() if "\u0130" not in text else text.replace("\u0130", "i").lower()
