"""Explain why events were dropped and suggest a fix."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Reason:
    """The name of a drop reason on the page, and the suggested fix."""

    name: str
    advice: str


REASONS: Final = MappingProxyType(
    {
        "overflow": Reason(
            "queue overflow",
            "The app tracked events faster than the collector accepted them. Check that the "
            "collector is up and fast enough, and set SQREEN_SPOOL_DIR to queue events on disk.",
        ),
        "expired": Reason(
            "too old",
            "No collector accepted these events for an hour. Check that the collector is up, and "
            "check SQREEN_URL and SQREEN_TOKEN. The app's log names the cause.",
        ),
        "refused": Reason(
            "refused",
            "The collector, or a proxy in front of it, permanently refuses these events. The app's "
            "log names the cause. Upgrade the collector before the SDK.",
        ),
        "rejected": Reason(
            "rejected",
            "The collector found these events malformed. The app's log names the cause. Upgrade "
            "the collector before the SDK.",
        ),
        "too_large": Reason(
            "too large",
            "A single event was larger than a proxy or the collector accepts. Configure the proxy "
            "to accept bodies of 1 MiB.",
        ),
        "spool_full": Reason(
            "spool full",
            "The collector was unavailable until the spool was full. Check that the collector is "
            "up, or raise SQREEN_SPOOL_SIZE.",
        ),
        "spool_expired": Reason(
            "too old for the spool",
            "The collector was unavailable for longer than SQREEN_SPOOL_AGE. Check that the "
            "collector is up, or raise SQREEN_SPOOL_AGE.",
        ),
        "spool_damaged": Reason(
            "damaged on disk",
            "The spool contained damaged data. Check the disk of SQREEN_SPOOL_DIR.",
        ),
        "exit": Reason(
            "undelivered at exit",
            "The instance ended before it delivered these events. Set SQREEN_SPOOL_DIR to keep "
            "them for the next instance.",
        ),
        "closed": Reason(
            "tracked after close()",
            "The app called track() after close(). Call close() last.",
        ),
        "not_loaded": Reason(
            "SDK not loaded",
            "The instance could not load the SDK when it tracked these events, because files or "
            "memory had run out, or a dependency is broken. The app's log names the cause.",
        ),
        "unsealed": Reason(
            "failed in the SDK",
            "A bug in the SDK: the app's log has a line with “sqreen_mw failed in seal”. Please "
            "report it.",
        ),
        "before_send": Reason("by before_send", "The app's before_send hook dropped or failed."),
    }
)
"""The SDK's drop reasons, by their names in ``stats()``."""


def reason_of(name: str) -> Reason:
    """Return the explanation of a reason. An unknown reason keeps its name."""
    known = REASONS.get(name)
    return known or Reason(name.replace("_", " "), "See the documentation of the SDK.")
