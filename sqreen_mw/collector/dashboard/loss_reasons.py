"""Why events are dropped, in the words of the Overview, and what to do about it."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason as people call it, and what to do; both are parts of a sentence."""

    name: str
    advice: str


REASONS: Final = MappingProxyType(
    {
        "overflow": Reason(
            "queue overflow",
            "More was tracked than the collector took. See that it is up and fast enough, and give "
            "the app a SQREEN_SPOOL_DIR, where events wait on disk.",
        ),
        "expired": Reason(
            "too old",
            "No collector took them for an hour. See that it is up and that SQREEN_URL and "
            "SQREEN_TOKEN are right: the app's log says which.",
        ),
        "refused": Reason(
            "refused",
            "The collector, or a proxy before it, will never take them: the app's log says why. "
            "Upgrade the collector before the SDK.",
        ),
        "rejected": Reason(
            "rejected",
            "The collector found them malformed: the app's log says why. Upgrade the collector "
            "before the SDK.",
        ),
        "too_large": Reason(
            "too large",
            "Not even one event fits what the way to the collector lets through. Let the proxy "
            "before it pass bodies of 1 MiB.",
        ),
        "spool_full": Reason(
            "spool full",
            "The collector was away for longer than the disk had room. See that it is up, or raise "
            "SQREEN_SPOOL_SIZE.",
        ),
        "spool_expired": Reason(
            "too old for the spool",
            "The collector was away for longer than SQREEN_SPOOL_AGE. See that it is up, or raise "
            "that.",
        ),
        "spool_damaged": Reason(
            "damaged on disk",
            "What was read of the spool is not what was written: see to the disk of "
            "SQREEN_SPOOL_DIR.",
        ),
        "exit": Reason(
            "left over at exit",
            "The process ended before they were delivered. Give the app a SQREEN_SPOOL_DIR, where "
            "they wait for the next process.",
        ),
        "closed": Reason(
            "tracked after close()",
            "The app tracks after it has closed the SDK. Let close() be the last call.",
        ),
        "unsealed": Reason(
            "failed in the SDK",
            "A fault of ours: the app's log has a line with “sqreen_mw failed in seal”. Please "
            "report it.",
        ),
        "before_send": Reason("by before_send", "Your own hook dropped them, or has failed."),
    }
)
"""The reasons that the SDK gives, by their names in ``stats()``."""


def reason_of(name: str) -> Reason:
    """Return a reason in words; one of an SDK that is newer or another keeps its name."""
    known = REASONS.get(name)
    return known or Reason(name.replace("_", " "), "The SDK's documentation tells what that is.")
