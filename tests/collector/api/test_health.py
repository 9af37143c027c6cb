from tests.collector.api.conftest import Collector


def test_health_check_succeeds(collector: Collector) -> None:
    """A working collector reports ok without authentication."""
    answer = collector.client.get("/healthz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


def test_health_check_supports_head(collector: Collector) -> None:
    """HEAD gets the same answer without a body."""
    answer = collector.client.head("/healthz")

    assert (answer.status_code, answer.content) == (200, b"")


def test_health_check_fails_if_events_cannot_be_written(collector: Collector) -> None:
    """If the event store cannot be written, the answer is 503."""
    collector.services.events.close()

    assert collector.client.get("/healthz").status_code == 503
