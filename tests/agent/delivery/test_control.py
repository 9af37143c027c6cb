from sqreen_mw.agent.delivery.control import FlushControl


def test_an_earlier_request_that_arrives_late_changes_nothing() -> None:
    """Of two flushes at once, the earlier one may come second; the later one still counts."""
    control = FlushControl()
    control.request_flush(11.0)
    assert control.flush_requested_at() == 11.0

    control.request_flush(10.0)

    assert control.flush_requested_at() == 11.0


def test_latest_of_several_requests_counts() -> None:
    """The flusher may see several requests at once, in any order."""
    control = FlushControl()
    for moment in (10.0, 12.0, 11.0):
        control.request_flush(moment)

    assert control.flush_requested_at() == 12.0
