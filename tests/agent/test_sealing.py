import pytest

from sqreen_mw.agent.context import RequestContext
from sqreen_mw.agent.guard import Guard
from sqreen_mw.agent.sealing import PendingEvent, Sealer
from sqreen_mw.capture.client_ip import LOOPBACK, ClientIp, Networks
from sqreen_mw.capture.request import Describer
from sqreen_mw.protocol.batch import decode_event
from sqreen_mw.protocol.event import Event
from sqreen_mw.protocol.limits import MAX_EVENT_BYTES
from sqreen_mw.scrubbing.scrubber import Scrubber
from tests.support.samples import StubRequest, pending

CLIENT_IP = ClientIp(trusted=Networks(LOOPBACK))


@pytest.fixture
def guard() -> Guard:
    """Return a new guard."""
    return Guard()


def sealed(sealer: Sealer, event: PendingEvent) -> Event:
    """Seal an event and decode it."""
    data = sealer.seal(event)
    assert data is not None
    assert len(data) <= MAX_EVENT_BYTES
    return decode_event(data)


@pytest.fixture
def sealer(guard: Guard) -> Sealer:
    """Return a sealer with default settings."""
    describer = Describer(client_ip=CLIENT_IP, scrubber=Scrubber())
    return Sealer(describer=describer, before_send=None, guard=guard)


def test_event_outside_a_request_has_no_request(sealer: Sealer) -> None:
    """The event has no description of a request."""
    event = sealed(sealer, pending(properties={"a": 1}))

    assert event.request is None
    assert event.properties == {"a": 1}


def test_sealed_event_describes_its_request(sealer: Sealer) -> None:
    """Sealing adds the request's values, and truncates them."""
    event = sealed(sealer, pending(context=StubRequest(path="/" + "x" * 5000)))

    assert event.request is not None
    assert event.request.ip == "203.0.113.9"
    assert event.truncated


def test_unreadable_request_does_not_drop_the_event(sealer: Sealer, guard: Guard) -> None:
    """The event is sent without its request, and the error is counted."""
    context = RequestContext()

    event = sealed(sealer, pending(context=context, properties={"a": 1}))

    assert (event.properties, event.request) == ({"a": 1}, None)
    assert guard.counts == {"describe": 1}


def test_untrusted_proxy_is_logged_once(
    sealer: Sealer, guard: Guard, caplog: pytest.LogCaptureFixture
) -> None:
    """The line contains the address of the peer and the setting."""
    context = StubRequest(peer="172.17.0.1", headers=[(b"x-forwarded-for", b"8.8.8.8")])
    for _ in range(3):
        sealer.seal(pending(context=context))

    assert guard.counts == {"untrusted_proxy": 3}
    assert len(caplog.messages) == 1
    assert "set SQREEN_TRUSTED_PROXIES=172.17.0.1" in caplog.text


@pytest.mark.parametrize(("peer", "logged"), [("127.0.0.1", 3), ("203.0.113.9", 0)])
def test_header_that_a_client_may_have_written_is_logged_once(
    sealer: Sealer, guard: Guard, caplog: pytest.LogCaptureFixture, peer: str, *, logged: int
) -> None:
    """The line of a trusted peer contains the setting; other peers have no trusted header."""
    headers = [(b"x-forwarded-for", b"")]
    context = StubRequest(peer=peer, headers=headers, has_unclear_address=True)
    requests = [sealed(sealer, pending(context=context)).request for _ in range(3)]

    assert {each and (each.ip, each.forwarded_ignored) for each in requests} == {(peer, True)}
    assert guard.counts == ({"merged_header": 3} if logged else {})
    assert len(caplog.messages) == bool(logged)
    assert "set SQREEN_IP_HEADER" in caplog.text or not logged


def test_largest_properties_are_removed_first(sealer: Sealer) -> None:
    """An event above the limit loses its largest properties and is marked."""
    properties = {"small": 1, "large": ["é" * 4000] * 9, "larger": ["é" * 4000] * 10}

    event = sealed(sealer, pending(properties=properties))

    assert event.truncated
    assert event.properties["small"] == 1
    assert event.properties["larger"] == "<left out: the event was too large>"
    assert event.properties["large"] == "<left out: the event was too large>"


def test_fitting_properties_are_kept(sealer: Sealer) -> None:
    """Removing one large property may be enough."""
    properties = {"large": ["x" * 4000] * 9, "larger": ["x" * 4000] * 10}

    event = sealed(sealer, pending(properties=properties))

    assert event.properties["large"] == properties["large"]
    assert event.properties["larger"] == "<left out: the event was too large>"


def test_parameters_are_removed_last(sealer: Sealer) -> None:
    """A request above the limit keeps its address, verb and path."""
    params = {f"{index}": "é" * 4000 for index in range(50)}

    event = sealed(sealer, pending(context=StubRequest(path_params=params), properties={"a": 1}))

    assert event.request is not None
    assert event.request.ip == "203.0.113.9"
    assert event.request.truncated
    assert event.truncated
