"""Read request bodies with limits on compressed and inflated size."""

import zlib
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request

from sqreen_mw.collector.api.problems import ProblemError

_DRAIN_FACTOR: Final = 8
"""A body up to this factor above its limit is read, so that most clients see the answer."""

_GZIP: Final = 31
"""The zlib window bits for the gzip format."""

_STEP: Final = 256 * 1024
"""Bytes inflated in one step."""


_ENCODINGS: Final = frozenset({"identity", "gzip"})


def json_encoding(headers: Headers) -> str:
    """Return the encoding of a JSON body: gzip or identity.

    Raises:
        ProblemError: 415 for another media type or encoding.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ProblemError(
            415,
            f"the Content-Type is {kind or 'missing'}: send application/json",
            headers={"accept-post": "application/json"},
        )
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in _ENCODINGS:
        raise ProblemError(
            415,
            f"the Content-Encoding is {encoding}: send gzip or identity",
            headers={"accept-encoding": "gzip, identity"},
        )
    return encoding


async def bounded_body(request: Request, *, limit: int) -> bytes:
    """Return a request's body. At most ``limit`` bytes are kept in memory.

    Raises:
        ProblemError: 413 if the body is longer.
    """
    body = bytearray()
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= limit:
            body += chunk
        elif size > limit * _DRAIN_FACTOR:
            break
    if size > limit:
        raise ProblemError(413, f"the body has more than {limit} bytes: send less")
    return bytes(body)


def plain(body: bytes, *, encoding: str, limit: int) -> bytes:
    """Return the decoded body.

    Raises:
        ProblemError: See ``inflate``.
    """
    return inflate(body, limit=limit) if encoding == "gzip" else body


def inflate(data: bytes, *, limit: int) -> bytes:
    """Return the inflated data. It stops soon after ``limit`` bytes.

    Raises:
        ProblemError: 413 if it is longer, 400 if it is not one complete gzip member (RFC 1952).
    """
    inflater = zlib.decompressobj(_GZIP)
    # In steps, because one call would hold the result in memory twice.
    steps: list[bytes] = []
    size = 0
    try:
        while not inflater.eof and (data or not steps or steps[-1]):
            steps.append(inflater.decompress(data, _STEP))
            data = inflater.unconsumed_tail
            size += len(steps[-1])
            if size > limit:
                raise ProblemError(413, f"the body inflates to more than {limit} bytes: send less")
    except zlib.error as error:
        raise ProblemError(400, f"the body is not gzip: {error}") from error
    if not inflater.eof or inflater.unused_data:
        raise ProblemError(400, "the body is not one complete gzip member: it is cut or has a tail")
    return b"".join(steps)
