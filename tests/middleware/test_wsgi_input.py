import io
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.agent.config.config import Config
from sqreen_mw.agent.null import NullAgent
from sqreen_mw.agent.requests.wsgi import wsgi_request
from sqreen_mw.capture.body import BodyTee
from sqreen_mw.middleware.wsgi_input import tee_input, teed_input

BODY = b"first line\nsecond line\nlast"


class OnlyRead:
    """An input with the least that PEP 3333 asks for one to have."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        """Read."""
        return self._data.read(size)


def into(source: Any) -> bytes:
    """Read all by readinto."""
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
def test_every_way_to_read_is_seen(read: Callable[[Any], bytes]) -> None:
    """However an app reads, it gets the body, and the tee has the same."""
    tee = BodyTee()

    assert read(teed_input(io.BytesIO(BODY), tee)) == BODY
    assert tee.read() == BODY


def test_has_what_the_input_has() -> None:
    """Ways to read that the server's input lacks are lacking, and other attributes come through."""
    tee = BodyTee()
    teed = teed_input(OnlyRead(BODY), tee)

    assert teed.read(5) == b"first"
    assert not hasattr(teed, "readinto")
    assert not hasattr(teed, "readline")
    assert not teed_input(io.BytesIO(), tee).closed
    assert tee.read() == b"first"


@given(st.binary(max_size=100), st.lists(st.integers(0, 30), max_size=8))
def test_only_what_is_read_is_kept(data: bytes, sizes: list[int]) -> None:
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
def test_only_a_request_with_a_body_is_teed(changes: dict[str, Any], *, teed: bool) -> None:
    """A request without a body keeps the server's own input."""
    source = io.BytesIO(b"12345")
    environ = {"wsgi.input": source, **changes}
    context = wsgi_request(environ, NullAgent(Config()), "HTTP_X_FORWARDED_FOR")

    tee_input(environ, context)

    assert (environ["wsgi.input"] is source) is not teed
    assert (context.body is not None) is teed
