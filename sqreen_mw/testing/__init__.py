"""Capture events in the tests of an app.

::

    with capture_events() as events:
        client.post("/coupons/SPRING")
    events.assert_tracked("coupon.applied", properties={"code": "SPRING"})

With pytest, the fixture ``sqreen_events`` does the same for a whole test.
"""

from sqreen_mw.testing.capture import capture_events
from sqreen_mw.testing.captured import CapturedEvents

__all__ = ["CapturedEvents", "capture_events"]
