"""Sends batches to a collector over HTTP; the only module of the agent that knows httpx2."""

import asyncio
import gzip
import importlib
import ssl
from typing import Final

import httpx2
import msgspec

from sqreen_mw.agent.delivery.batch import Batch
from sqreen_mw.agent.delivery.retry import retry_after
from sqreen_mw.agent.delivery.transport import (
    Delivered,
    Misconfigured,
    Outcome,
    Refused,
    Retry,
    TooLarge,
)
from sqreen_mw.errors import MalformedBatchError
from sqreen_mw.protocol.batch import decode_answer

CONNECT_SECONDS: Final = 3.0
COMPRESS_FROM: Final = 1024
"""Bytes from which a body is worth compressing."""

MAX_ANSWER_BYTES: Final = 1024 * 1024

MAX_TOLD: Final = 200
"""Characters of what the other side says that a log line has."""


class _Problem(msgspec.Struct):
    detail: str


_problem_decoder: Final = msgspec.json.Decoder(_Problem)

# Statuses of RFC 9110, section 15.5, and RFC 6585 and 8470; 5xx is to be tried again as well.
_CONTENT_TOO_LARGE: Final = 413
_RETRYABLE: Final = frozenset({408, 425, 429})
_UNAUTHORIZED: Final = frozenset({401, 403})
_ELSEWHERE: Final = frozenset({404, 405})


class HttpTransport:
    """Posts batches to ``/v1/events`` of one collector over kept connections."""

    def __init__(self, *, url: str, token: str, user_agent: str) -> None:
        # Imported by the first connection otherwise, on the flusher's thread: too late when the
        # interpreter shuts down, and a fork in the middle would leave half a module behind.
        for module in ("anyio._backends._asyncio", "h11", "httpcore2"):
            importlib.import_module(module)
        self._url: Final = f"{url}/v1/events"
        self._headers: Final = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "User-Agent": user_agent,
        }
        # Not a client, which logs each request: apps that show it would see one a second, and one
        # that tracks what it logs would never come to rest.
        self._connections: httpx2.AsyncHTTPTransport | None = None

    async def send(self, batch: Batch, *, seconds: float) -> Outcome:
        """Post a batch and read the verdict."""
        try:
            async with asyncio.timeout(seconds):
                return await self._post(batch, seconds)
        except TimeoutError:
            return Retry(f"no answer within {seconds:.1f} s")
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            return Retry(f"{type(error).__name__}: {error}".rstrip(": "))

    def _connected(self) -> httpx2.AsyncHTTPTransport:
        """Return the connections, made by the first batch on the loop that they are used on."""
        if self._connections is None:
            # Loading the machine's certificates takes 50 ms that a plain http URL need not pay.
            secure = self._url.startswith("https:")
            verify = True if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self._connections = httpx2.AsyncHTTPTransport(verify=verify, trust_env=False)
        return self._connections

    async def close(self) -> None:
        """Close the kept connections."""
        if self._connections is not None:
            await self._connections.aclose()

    async def _post(self, batch: Batch, seconds: float) -> Outcome:
        headers = self._headers | {"Idempotency-Key": batch.id}
        body = batch.body
        if len(body) >= COMPRESS_FROM:
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, compresslevel=1, mtime=0)
        timeout = httpx2.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds))
        extensions = {"timeout": timeout.as_dict()}
        request = httpx2.Request(
            "POST", self._url, content=body, headers=headers, extensions=extensions
        )
        response = await self._connected().handle_async_request(request)
        answer = bytearray()
        try:
            async for chunk in response.aiter_bytes():
                answer += chunk
                if len(answer) > MAX_ANSWER_BYTES:
                    break
        finally:
            await response.aclose()
        return _outcome(response, bytes(answer), count=len(batch))


def _outcome(response: httpx2.Response, answer: bytes, *, count: int) -> Outcome:
    status = response.status_code
    said = f"HTTP {status} {_told(answer)[:MAX_TOLD]}".strip()
    outcome: Outcome = Refused(said)
    if response.is_success:
        outcome = _verdict(answer, count)
    elif status == _CONTENT_TOO_LARGE:
        outcome = TooLarge()
    elif status in _UNAUTHORIZED:
        outcome = Misconfigured("SQREEN_TOKEN", said)
    elif status in _ELSEWHERE or response.is_redirect:
        outcome = Misconfigured("SQREEN_URL", said)
    elif status in _RETRYABLE or response.is_server_error:
        asked, date = response.headers.get("Retry-After"), response.headers.get("Date")
        outcome = Retry(said, retry_after(asked, date=date))
    return outcome


def _told(answer: bytes) -> str:
    """Return what problem details say (RFC 9457), or all of an answer that has none."""
    try:
        return _problem_decoder.decode(answer).detail
    except (msgspec.DecodeError, UnicodeDecodeError):
        return answer[: 4 * MAX_TOLD].decode("utf-8", "replace")


def _verdict(answer: bytes, count: int) -> Outcome:
    try:
        verdict = decode_answer(answer)
    except MalformedBatchError as error:
        # A proxy's own page, say: nobody has confirmed the events.
        return Retry(f"the answer is no collector's: {error}")
    told = verdict.accepted + verdict.duplicates + len(verdict.rejected)
    if told != count:
        return Retry(f"the answer tells of {told} events, {count} were sent")
    first = verdict.rejected[0].detail if verdict.rejected else ""
    return Delivered(rejected=len(verdict.rejected), detail=first)
