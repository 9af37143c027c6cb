"""Request bodies within bounds: on the wire, and once inflated."""

import zlib
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request

from sqreen_mw.collector.api.problems import Problem

_DRAINED: Final = 8
"""Times the bound that is read and thrown away, so that most clients get to read the answer."""

_GZIP: Final = 31
"""The window bits of zlib that ask for gzip's header and checksum."""

_STEP: Final = 256 * 1024
"""Bytes that are inflated at once."""


_ENCODINGS: Final = frozenset({"identity", "gzip"})


def json_encoding(headers: Headers) -> str:
    """Return how a body of JSON is encoded: gzip or identity.

    Raises:
        Problem: 415, it is not JSON, or encoded in another way.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem(
            415,
            f"the Content-Type is {kind or 'not given'}: send application/json",
            headers={"accept-post": "application/json"},
        )
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in _ENCODINGS:
        raise Problem(
            415,
            f"the Content-Encoding is {encoding}: send gzip or identity",
            headers={"accept-encoding": "gzip, identity"},
        )
    return encoding


async def bounded_body(request: Request, *, limit: int) -> bytes:
    """Return a request's body; never more than ``limit`` bytes of it are kept.

    Raises:
        Problem: 413, it is longer.
    """
    body = bytearray()
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= limit:
            body += chunk
        elif size > limit * _DRAINED:
            break
    if size > limit:
        raise Problem(413, f"the body has more than {limit} bytes: send less at once")
    return bytes(body)


def plain(body: bytes, *, encoding: str, limit: int) -> bytes:
    """Return a body without its encoding.

    Raises:
        Problem: As ``inflate`` does.
    """
    return inflate(body, limit=limit) if encoding == "gzip" else body


def inflate(data: bytes, *, limit: int) -> bytes:
    """Return what gzip compressed; inflating stops soon after ``limit``.

    Raises:
        Problem: 413, it is longer; 400, it is not one whole gzip member (RFC 1952).
    """
    inflater = zlib.decompressobj(_GZIP)
    # In steps, as one call would hold what it made twice.
    steps: list[bytes] = []
    size = 0
    try:
        while not inflater.eof and (data or not steps or steps[-1]):
            steps.append(inflater.decompress(data, _STEP))
            data = inflater.unconsumed_tail
            size += len(steps[-1])
            if size > limit:
                raise Problem(413, f"the body inflates to more than {limit} bytes: send less")
    except zlib.error as error:
        raise Problem(400, f"the body is no gzip: {error}") from error
    if not inflater.eof or inflater.unused_data:
        raise Problem(400, "the body is not one whole gzip member: it was cut, or has a tail")
    return b"".join(steps)
