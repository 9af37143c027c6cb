"""The outcome of an event comes from its properties, its name and its response."""

import pytest

from sqreen_mw.collector.events.outcome import outcome_of
from sqreen_mw.protocol.event import Event, RequestInfo
from sqreen_mw.protocol.event_id import new_event_id


def _event(
    name: str = "order.paid",
    *,
    success: object = None,
    status: int | None = None,
    crashed: bool = False,
) -> Event:
    return Event(
        id=new_event_id(),
        name=name,
        timestamp=0,
        properties={} if success is None else {"success": success},
        request=RequestInfo(verb="GET", path="/", status=status, crashed=crashed),
    )


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (_event(success=True, status=500), "succeeded"),
        (_event("login_succeeded", success=False, status=200), "failed"),
        (_event(success="yes"), None),
        (_event(status=500), "error"),
        (_event(status=200, crashed=True), "error"),
        (_event("login_failed", status=503), "error"),
        (_event("sq.action.block_ip", status=303), "refused"),
        (_event("user.login_failed", status=200), "failed"),
        (_event("paymentFailed"), "failed"),
        (_event("PAYMENT-FAILURE"), "failed"),
        (_event("coupon.rejected"), "refused"),
        (_event("job crashed"), "error"),
        (_event("login.success", status=401), "succeeded"),
        (_event("unfailed", status=200), "succeeded"),
        (_event("failed2"), None),
        (_event(status=302), "succeeded"),
        (_event(status=401), "refused"),
        (_event(status=429), "refused"),
        (_event(status=404), "failed"),
        (_event(status=101), None),
        (_event(), None),
    ],
)
def test_outcome_follows_its_sources_in_order(event: Event, expected: str | None) -> None:
    """The property comes first, then errors, then the name, then the status."""
    assert outcome_of(event) == expected


def test_event_without_request_can_have_an_outcome() -> None:
    """The name and the properties suffice outside a request."""
    event = Event(id=new_event_id(), name="import.failed", timestamp=0)
    assert outcome_of(event) == "failed"
    assert outcome_of(Event(id=new_event_id(), name="import", timestamp=0)) is None
