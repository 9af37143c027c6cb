from sqreen_mw.capture.scrub_event import scrubbed_event
from sqreen_mw.protocol.event import Event, Params, RequestInfo
from sqreen_mw.protocol.event_id import new_event_id
from sqreen_mw.protocol.limits import MAX_PROPERTY_NAME_LENGTH
from sqreen_mw.protocol.mask import MASK
from sqreen_mw.scrubbing.scrubber import Scrubber


def test_numeric_identifiers_are_unchanged() -> None:
    """An identifier that is a number, for example from a hook, is not scrubbed."""
    event = Event(id=new_event_id(0), name="x", timestamp=0, user_identifiers={"id": 42})

    assert scrubbed_event(event, Scrubber()).user_identifiers == {"id": 42}


def test_masked_key_is_truncated() -> None:
    """A key that a mask makes too long keeps its end."""
    key = "x" * 200 + " 4111 1111 1111 1111 " + "y" * 30
    event = Event(id=new_event_id(0), name="x", timestamp=0, properties={key: 1, "a": 2})

    [long, short] = scrubbed_event(event, Scrubber()).properties
    assert short == "a"
    assert len(long) <= MAX_PROPERTY_NAME_LENGTH
    assert MASK in long


def test_parameters_from_a_hook_are_masked_by_name_and_value() -> None:
    """A sensitive name masks any value, and an ambiguous one only a generated value."""
    secret = "8f14e45fceea167a"
    params = Params(
        query={"token": ["x"], "session": [secret, "morning"]}, path={"sid": secret, "id": secret}
    )
    request = RequestInfo(verb="GET", path="/", params=params)
    event = Event(id=new_event_id(0), name="x", timestamp=0, request=request)

    scrubbed = scrubbed_event(event, Scrubber()).request

    assert scrubbed is not None
    assert scrubbed.params.query == {"token": [MASK], "session": [MASK, "morning"]}
    assert scrubbed.params.path == {"sid": MASK, "id": secret}
