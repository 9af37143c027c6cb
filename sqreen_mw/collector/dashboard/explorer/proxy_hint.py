"""Detect an app behind a proxy that SQREEN_TRUSTED_PROXIES does not list."""

import ipaddress
from collections.abc import Sequence
from typing import Final

from sqreen_mw.collector.events.base import StoredEvent
from sqreen_mw.protocol.address import PRIVATE

_PRIVATE: Final = tuple(map(ipaddress.ip_network, PRIVATE))
_MIN_EVENTS: Final = 10
"""Fewer events may share an address by chance."""


def shared_private_address(events: Sequence[StoredEvent]) -> str | None:
    """Return the private address that all events share, or None.

    Visitors of a real app have many addresses. If they share one private address, it is a proxy.
    """
    found = {
        request.ip
        for event in events
        if (request := event.event.request) is not None and request.ip_source == "peer"
    }
    only = found.pop() if len(found) == 1 and len(events) >= _MIN_EVENTS else None
    if only is None or not any(ipaddress.ip_address(only) in network for network in _PRIVATE):
        return None
    return only
