"""A sign that an app stands behind a proxy which it was not told to trust."""

import ipaddress
from collections.abc import Sequence
from typing import Final

from sqreen_mw.collector.events.base import StoredEvent
from sqreen_mw.protocol.address import PRIVATE

_PRIVATE: Final = tuple(map(ipaddress.ip_network, PRIVATE))
_ENOUGH: Final = 10
"""Events of one address that are no accident."""


def lone_private_address(events: Sequence[StoredEvent]) -> str | None:
    """Return the private address that all events seem to come from, or None.

    Visitors of a real app have many addresses: one private peer for all of them is a proxy.
    """
    found = {
        request.ip
        for event in events
        if (request := event.event.request) is not None and request.ip_source == "peer"
    }
    only = found.pop() if len(found) == 1 and len(events) >= _ENOUGH else None
    if only is None or not any(ipaddress.ip_address(only) in network for network in _PRIVATE):
        return None
    return only
