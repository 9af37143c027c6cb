"""Sends batches to a collector over HTTP; the only module of the agent that knows httpx2."""

import asyncio
import gzip
import importlib
import ssl
from contextlib import suppress
from typing import Final, TypedDict

import httpx2
import msgspec

from sqreen_mw.agent.config.http_proxy import OWN, Proxy
from sqreen_mw.agent.delivery.batch import Batch
from sqreen_mw.agent.delivery.retry import retry_after
from sqreen_mw.agent.delivery.transports.base import (
    Delivered,
    Misconfigured,
    Outcome,
    Refused,
    Retry,
    TooLarge,
)
from sqreen_mw.agent.delivery.transports.http_errors import Endpoint, explain_error
from sqreen_mw.errors import MalformedBatchError
from sqreen_mw.protocol.batch import decode_answer

CONNECT_SECONDS: Final = 3.0
CONNECT_PART: Final = 0.9
"""How much of the time for a batch a connection may take."""

KEEP_SECONDS: Final = 4.0
"""How long an idle connection is kept: less than the 5 s after which servers commonly close it."""

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
_PROXY_WANTS_A_LOGIN: Final = 407
_RETRYABLE: Final = frozenset({408, 425, 429})
_UNAUTHORIZED: Final = frozenset({401, 403})
_ELSEWHERE: Final = frozenset({404, 405})


class ClientOptions(TypedDict):
    """What httpx2's clients and transports need to know of a way."""

    verify: ssl.SSLContext
    proxy: httpx2.Proxy | None
    trust_env: bool


def client_options(way: Endpoint) -> ClientOptions:
    """Return what leads httpx2 to the collector.

    Raises:
        OSError: The machine's certificates can't be read.
    """
    trust = _trust(way)
    proxy = None
    if way.proxy is not None:
        over_tls = way.proxy.url.startswith("https:")
        proxy = httpx2.Proxy(way.proxy.url, ssl_context=trust if over_tls else None)
    return {"verify": trust, "proxy": proxy, "trust_env": False}


def _trust(way: Endpoint) -> ssl.SSLContext:
    if not way.has_tls:
        # Loading certificates takes 50 ms that a plain http URL need not pay.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if way.ca_file is not None:
        return ssl.create_default_context(cafile=way.ca_file)
    return httpx2.create_ssl_context()


class HttpTransport:
    """Posts batches to ``/v1/events`` of one collector over kept connections."""

    def __init__(
        self,
        *,
        url: str,
        token: str,
        user_agent: str,
        proxy: Proxy | None = None,
        ca_file: str | None = None,
    ) -> None:
        # Imported by the first connection otherwise, on the flusher's thread: too late when the
        # interpreter shuts down, and a fork in the middle would leave half a module behind.
        for module in ("anyio._backends._asyncio", "h11", "httpcore2"):
            importlib.import_module(module)
        self._url: Final = url
        self._headers: Final = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "User-Agent": user_agent,
        }
        self._way: Final = Endpoint(url=url, proxy=proxy, ca_file=ca_file)
        # Not a client, which logs each request: apps that show it would see one a second, and one
        # that tracks what it logs would never come to rest.
        self._connections: httpx2.AsyncHTTPTransport | None = None
        self._made_with: type[ssl.SSLContext] | None = None

    async def send(self, batch: Batch, *, seconds: float) -> Outcome:
        """Post a batch and read the verdict."""
        try:
            async with asyncio.timeout(seconds):
                response, answer = await self._post(
                    "/v1/events", batch.body, seconds=seconds, batch_id=batch.id
                )
                return _outcome(response, answer, count=len(batch))
        except TimeoutError:
            return Retry(f"no answer within {seconds:.1f} s")
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            return self._failed(error)

    async def send_heartbeat(self, body: bytes, *, seconds: float) -> bytes | None:
        """Post a heartbeat and return the answer, or None where it failed; that is all."""
        with suppress(TimeoutError, httpx2.HTTPError, httpx2.InvalidURL, OSError):
            async with asyncio.timeout(seconds):
                response, answer = await self._post("/v1/heartbeat", body, seconds=seconds)
                return answer if response.is_success else None
        return None

    def _connected(self) -> httpx2.AsyncHTTPTransport:
        """Return the connections, made by the first batch on the loop that they are used on.

        They are made anew where gevent has come since: anyio takes a context of another class than
        ssl's present one to a thread, which is never had then.
        """
        if self._connections is None or self._made_with is not ssl.SSLContext:
            self._made_with = ssl.SSLContext
            options = client_options(self._way)
            limits = httpx2.Limits(keepalive_expiry=KEEP_SECONDS)
            self._connections = httpx2.AsyncHTTPTransport(limits=limits, **options)
        return self._connections

    def _failed(self, error: Exception) -> Outcome:
        reason = explain_error(error, self._way)
        if self._way.proxy and isinstance(error, httpx2.ProxyError):
            if str(error).startswith("4"):
                return Misconfigured(self._way.proxy.setting, f"HTTP {error} from the proxy")
            reason = f"the proxy of {self._way.proxy.setting} says {error}"
        return Retry(reason)

    async def close(self) -> None:
        """Close the kept connections."""
        if self._connections is not None:
            await self._connections.aclose()

    async def _post(
        self, path: str, body: bytes, *, seconds: float, batch_id: str | None = None
    ) -> tuple[httpx2.Response, bytes]:
        headers = self._headers | ({"Idempotency-Key": batch_id} if batch_id else {})
        if len(body) >= COMPRESS_FROM:
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, compresslevel=1, mtime=0)
        # The caller sees to the total, which no timeout here would be. A connection has less, as
        # why there is none tells more than that there was no answer.
        timeout = httpx2.Timeout(None, connect=min(CONNECT_SECONDS, seconds * CONNECT_PART))
        extensions = {"timeout": timeout.as_dict()}
        request = httpx2.Request(
            "POST", self._url + path, content=body, headers=headers, extensions=extensions
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
        return response, bytes(answer)


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
    elif status == _PROXY_WANTS_A_LOGIN:
        outcome = Misconfigured(OWN, said)
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
