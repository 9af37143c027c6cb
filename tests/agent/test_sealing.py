import pytest

from sqreen_mw.agent.context import RequestContext
from sqreen_mw.agent.guard import Guard
from sqreen_mw.agent.pending import PendingEvent
from sqreen_mw.agent.sealing import BeforeSend, Sealer
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
    """Return a fresh guard."""
    return Guard()


def sealer_of(guard: Guard, before_send: BeforeSend | None = None) -> Sealer:
    """Return a sealer as an installation with this hook has it."""
    describer = Describer(client_ip=CLIENT_IP, scrubber=Scrubber())
    return Sealer(describer=describer, before_send=before_send, guard=guard)


def sealed(sealer: Sealer, event: PendingEvent) -> Event:
    """Seal and read back."""
    data = sealer.seal(event)
    assert data is not None
    assert len(data) <= MAX_EVENT_BYTES
    return decode_event(data)


@pytest.fixture
def sealer(guard: Guard) -> Sealer:
    """Return a sealer as a default installation has it."""
    return sealer_of(guard)


def test_an_event_outside_a_request_has_none(sealer: Sealer) -> None:
    """No request is told of where there was none."""
    event = sealed(sealer, pending(properties={"a": 1}))

    assert event.request is None
    assert event.properties == {"a": 1}


def test_an_event_of_a_request_tells_of_it(sealer: Sealer) -> None:
    """The request's values come in when the event is sealed, cuts included."""
    event = sealed(sealer, pending(context=StubRequest(path="/" + "x" * 5000)))

    assert event.request is not None
    assert event.request.ip == "203.0.113.9"
    assert event.truncated


def test_a_request_that_cant_be_read_costs_no_event(sealer: Sealer, guard: Guard) -> None:
    """Where a request's values raise, the event leaves without them, and the fault is counted."""
    context = RequestContext()

    event = sealed(sealer, pending(context=context, properties={"a": 1}))

    assert (event.properties, event.request) == ({"a": 1}, None)
    assert guard.counts == {"describe": 1}


def test_an_untrusted_proxy_is_said_once(
    sealer: Sealer, guard: Guard, caplog: pytest.LogCaptureFixture
) -> None:
    """A private peer that sends X-Forwarded-For is named with the setting to use."""
    context = StubRequest(peer="172.17.0.1", headers=[(b"x-forwarded-for", b"8.8.8.8")])
    for _ in range(3):
        sealer.seal(pending(context=context))

    assert guard.counts == {"untrusted_proxy": 3}
    assert len(caplog.messages) == 1
    assert "set SQREEN_TRUSTED_PROXIES=172.17.0.1" in caplog.text


def test_the_largest_properties_go_first(sealer: Sealer) -> None:
    """An event beyond its limit loses its largest properties and is marked."""
    properties = {"small": 1, "large": ["é" * 4000] * 9, "larger": ["é" * 4000] * 10}

    event = sealed(sealer, pending(properties=properties))

    assert event.truncated
    assert event.properties["small"] == 1
    assert event.properties["larger"] == "<left out: the event was too large>"
    assert event.properties["large"] == "<left out: the event was too large>"


def test_one_large_property_may_be_enough(sealer: Sealer) -> None:
    """Properties that still fit are kept."""
    properties = {"large": ["x" * 4000] * 9, "larger": ["x" * 4000] * 10}

    event = sealed(sealer, pending(properties=properties))

    assert event.properties["large"] == properties["large"]
    assert event.properties["larger"] == "<left out: the event was too large>"


def test_parameters_go_last(sealer: Sealer) -> None:
    """Where the request itself is too large, its address, verb and path are what stays."""
    params = {f"{index}": "é" * 4000 for index in range(50)}

    event = sealed(sealer, pending(context=StubRequest(path_params=params), properties={"a": 1}))

    assert event.request is not None
    assert event.request.ip == "203.0.113.9"
    assert event.request.truncated
    assert event.truncated
