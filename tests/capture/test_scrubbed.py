from sqreen_mw.capture.scrub_event import scrubbed_event
from sqreen_mw.protocol.event import Event
from sqreen_mw.protocol.event_id import new_event_id
from sqreen_mw.protocol.limits import MAX_PROPERTY_NAME_LENGTH
from sqreen_mw.scrubbing.mask import MASK
from sqreen_mw.scrubbing.scrubber import Scrubber


def test_numbers_identify_as_they_are() -> None:
    """An identifier that is a number, as a hook may set it, is no text to scrub."""
    event = Event(id=new_event_id(0), name="x", timestamp=0, user_identifiers={"id": 42})

    assert scrubbed_event(event, Scrubber()).user_identifiers == {"id": 42}


def test_a_key_that_a_mask_made_longer_fits_again() -> None:
    """Of a key with a secret in it the end stays, as of every key that is too long."""
    key = "x" * 200 + " 4111 1111 1111 1111 " + "y" * 30
    event = Event(id=new_event_id(0), name="x", timestamp=0, properties={key: 1, "a": 2})

    [long, short] = scrubbed_event(event, Scrubber()).properties
    assert short == "a"
    assert len(long) <= MAX_PROPERTY_NAME_LENGTH
    assert MASK in long
