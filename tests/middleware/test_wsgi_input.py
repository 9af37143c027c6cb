import io
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.agent.config.config import Config
from sqreen_mw.agent.null import NullAgent
from sqreen_mw.agent.requests.wsgi import wsgi_request
from sqreen_mw.capture.request_body import BodyTee
from sqreen_mw.middleware.wsgi_input import tee_input, teed_input

BODY = b"first line\nsecond line\nlast"


class OnlyRead:
    """An input with the minimum of methods that PEP 3333 requires."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        """Read."""
        return self._data.read(size)


def into(source: Any) -> bytes:
    """Read everything with readinto()."""
    buffer = bytearray(7)
    parts = []
    while count := source.readinto(buffer):
        parts.append(bytes(buffer[:count]))
    return b"".join(parts)


@pytest.mark.parametrize(
    "read",
    [
        lambda source: source.read(),
        lambda source: b"".join(iter(lambda: source.read(4), b"")),
        lambda source: source.read1(100),
        lambda source: b"".join(iter(source.readline, b"")),
        lambda source: b"".join(source.readlines()),
        b"".join,
        lambda source: next(source) + source.read(),
        into,
    ],
)
def test_tee_gets_the_data_of_every_read_method(read: Callable[[Any], bytes]) -> None:
    """The app and the tee get the same data."""
    tee = BodyTee()

    assert read(teed_input(io.BytesIO(BODY), tee)) == BODY
    assert tee.read() == BODY


def test_teed_input_has_the_same_attributes() -> None:
    """Missing read methods stay missing, and other attributes are available."""
    tee = BodyTee()
    teed = teed_input(OnlyRead(BODY), tee)

    assert teed.read(5) == b"first"
    assert not hasattr(teed, "readinto")
    assert not hasattr(teed, "readline")
    assert not teed_input(io.BytesIO(), tee).closed
    assert tee.read() == b"first"


@given(st.binary(max_size=100), st.lists(st.integers(0, 30), max_size=8))
def test_tee_keeps_only_data_that_was_read(data: bytes, sizes: list[int]) -> None:
    """The tee never reads by itself."""
    source, tee = io.BytesIO(data), BodyTee()
    teed = teed_input(source, tee)

    parts = [teed.read(size) for size in sizes]

    assert tee.read() == b"".join(parts) == data[: source.tell()]


@pytest.mark.parametrize(
    ("changes", "teed"),
    [
        ({"CONTENT_LENGTH": "5"}, True),
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, True),
        ({"CONTENT_LENGTH": "0"}, False),
        ({"CONTENT_LENGTH": ""}, False),
        ({}, False),
    ],
)
def test_input_without_body_is_not_replaced(changes: dict[str, Any], *, teed: bool) -> None:
    """A request without a body keeps the server's input."""
    source = io.BytesIO(b"12345")
    environ = {"wsgi.input": source, **changes}
    context = wsgi_request(environ, NullAgent(Config()), "HTTP_X_FORWARDED_FOR")

    tee_input(environ, context)

    assert (environ["wsgi.input"] is source) is not teed
    assert (context.body is not None) is teed
