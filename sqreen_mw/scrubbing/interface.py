"""What the rest of the app's half asks of a scrubber."""

from typing import Any, Protocol

from sqreen_mw.scrubbing.mask import MASK


class ScrubberProtocol(Protocol):
    """Masks what must not leave the process; it makes new values and never raises.

    The same text always gets the same answer, as answers are remembered.
    """

    def text(self, text: str) -> str:
        """Return a text with the parts masked that look like secrets."""

    def value(self, value: Any) -> Any:
        """Return a JSON-like value with secrets masked, by the names of keys and by patterns."""

    def is_sensitive(self, key: str) -> bool:
        """Tell whether values under a key of this name are to be masked."""


def masked(name: str, value: str, scrubber: ScrubberProtocol) -> str:
    """Return a parameter's value as it may leave the process."""
    return MASK if scrubber.is_sensitive(name) else scrubber.text(value)
