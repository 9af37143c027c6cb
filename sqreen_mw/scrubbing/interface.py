"""The interface of scrubbers."""

from typing import Any, Protocol

from sqreen_mw.protocol.mask import MASK


class ScrubberProtocol(Protocol):
    """Masks secrets. It returns new values and never raises.

    The same text must always give the same result, because results are cached.
    """

    def text(self, text: str) -> str:
        """Return a text with its secrets masked."""

    def value(self, value: Any) -> Any:
        """Return a JSON-like value with its secrets masked, by key names and by patterns."""

    def is_sensitive(self, key: str, /) -> bool:
        """Return whether the values of a key are masked."""


def masked(name: str, value: str, scrubber: ScrubberProtocol) -> str:
    """Return a parameter's value with its secrets masked, by its name and by its form."""
    if scrubber.is_sensitive(name):
        return MASK
    # The name of a mapping's value can make it a secret, such as a random "session".
    scrubbed: dict[str, str] = scrubber.value({name: value})
    return next(iter(scrubbed.values()))
