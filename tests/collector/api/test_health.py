from tests.collector.api.conftest import Collector


def test_is_well(collector: Collector) -> None:
    """A collector that can take events says so, to anybody."""
    answer = collector.client.get("/healthz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


def test_a_look_without_a_body_is_enough(collector: Collector) -> None:
    """HEAD, which some probes send, is answered as GET is, without the body."""
    answer = collector.client.head("/healthz")

    assert (answer.status_code, answer.content) == (200, b"")


def test_is_unwell_without_its_events(collector: Collector) -> None:
    """A collector whose store can't be written says so."""
    collector.services.events.close()

    assert collector.client.get("/healthz").status_code == 503
