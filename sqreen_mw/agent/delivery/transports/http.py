"""Sends batches to a collector over HTTP. No other module of the agent imports httpx2."""

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
from sqreen_mw.agent.delivery.interfaces import (
    Delivered,
    Misconfigured,
    Outcome,
    Refused,
    Retry,
    TooLarge,
)
from sqreen_mw.agent.delivery.retry import retry_after
from sqreen_mw.agent.delivery.transports.http_errors import Endpoint, explain_error
from sqreen_mw.errors import MalformedBatchError
from sqreen_mw.protocol.batch import decode_answer

CONNECT_SECONDS: Final = 3.0
CONNECT_SHARE: Final = 0.9
"""The share of a batch's time that connecting may take."""

KEEPALIVE_SECONDS: Final = 4.0
"""How long an idle connection is kept. Servers often close it after 5 s."""

COMPRESS_FROM: Final = 1024
"""Smaller bodies are not worth compressing."""

MAX_ANSWER_BYTES: Final = 1024 * 1024

MAX_DETAIL: Final = 200
"""The most characters of an answer in a log line."""


class _Problem(msgspec.Struct):
    detail: str


_problem_decoder: Final = msgspec.json.Decoder(_Problem)

# Statuses of RFC 9110, section 15.5, RFC 6585 and RFC 8470. 5xx is retried as well.
_CONTENT_TOO_LARGE: Final = 413
_PROXY_LOGIN_REQUIRED: Final = 407
_RETRYABLE: Final = frozenset({408, 425, 429})
_UNAUTHORIZED: Final = frozenset({401, 403})
_WRONG_ADDRESS: Final = frozenset({404, 405})


class ClientOptions(TypedDict):
    """Keyword arguments of httpx2's clients and transports."""

    verify: ssl.SSLContext
    proxy: httpx2.Proxy | None
    trust_env: bool


def client_options(endpoint: Endpoint) -> ClientOptions:
    """Return the arguments with which httpx2 connects to an endpoint.

    Raises:
        OSError: The certificates can't be read.
    """
    context = _tls_context(endpoint)
    proxy = None
    if endpoint.proxy is not None:
        over_tls = endpoint.proxy.url.startswith("https:")
        proxy = httpx2.Proxy(endpoint.proxy.url, ssl_context=context if over_tls else None)
    return {"verify": context, "proxy": proxy, "trust_env": False}


def _tls_context(endpoint: Endpoint) -> ssl.SSLContext:
    if not endpoint.uses_tls:
        # Loading certificates takes 50 ms, and a plain http URL needs none.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if endpoint.ca_file is not None:
        return ssl.create_default_context(cafile=endpoint.ca_file)
    return httpx2.create_ssl_context()


class HttpTransport:
    """Posts batches to ``/v1/events`` of a collector, and keeps its connections."""

    def __init__(
        self,
        *,
        url: str,
        token: str,
        user_agent: str,
        proxy: Proxy | None = None,
        ca_file: str | None = None,
    ) -> None:
        # Otherwise the first connection imports them on the flusher's thread: too late at exit, and
        # a fork meanwhile would leave a half-imported module in the child.
        for module in ("anyio._backends._asyncio", "h11", "httpcore2"):
            importlib.import_module(module)
        self._url: Final = url
        self._headers: Final = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "User-Agent": user_agent,
        }
        self._endpoint: Final = Endpoint(url=url, proxy=proxy, ca_file=ca_file)
        # Not a client, which logs each request. An app that tracks its log lines would then track
        # its own delivery.
        self._connections: httpx2.AsyncHTTPTransport | None = None
        self._ssl_class: type[ssl.SSLContext] | None = None

    async def send(self, batch: Batch, *, seconds: float) -> Outcome:
        """Post a batch and read the answer."""
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
        """Post a heartbeat and return the answer, or None if it failed."""
        with suppress(TimeoutError, httpx2.HTTPError, httpx2.InvalidURL, OSError):
            async with asyncio.timeout(seconds):
                response, answer = await self._post("/v1/heartbeat", body, seconds=seconds)
                return answer if response.is_success else None
        return None

    def _connected(self) -> httpx2.AsyncHTTPTransport:
        """Return the connection pool, which the first batch creates on the flusher's loop.

        It is created again if gevent has patched ssl since: otherwise anyio would run the TLS
        handshake in a worker thread that gevent never schedules.
        """
        if self._connections is None or self._ssl_class is not ssl.SSLContext:
            self._ssl_class = ssl.SSLContext
            options = client_options(self._endpoint)
            limits = httpx2.Limits(keepalive_expiry=KEEPALIVE_SECONDS)
            self._connections = httpx2.AsyncHTTPTransport(limits=limits, **options)
        return self._connections

    def _failed(self, error: Exception) -> Outcome:
        reason = explain_error(error, self._endpoint)
        if self._endpoint.proxy and isinstance(error, httpx2.ProxyError):
            if str(error).startswith("4"):
                return Misconfigured(self._endpoint.proxy.setting, f"HTTP {error} from the proxy")
            reason = f"the proxy in {self._endpoint.proxy.setting} answered {error}"
        return Retry(reason)

    async def close(self) -> None:
        """Close the connections."""
        if self._connections is not None:
            await self._connections.aclose()

    async def _post(
        self, path: str, body: bytes, *, seconds: float, batch_id: str | None = None
    ) -> tuple[httpx2.Response, bytes]:
        headers = self._headers | ({"Idempotency-Key": batch_id} if batch_id else {})
        if len(body) >= COMPRESS_FROM:
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, compresslevel=1, mtime=0)
        # The caller limits the total time. Connecting gets less, because "no connection" explains
        # more than "no answer".
        timeout = httpx2.Timeout(None, connect=min(CONNECT_SECONDS, seconds * CONNECT_SHARE))
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
    reason = f"HTTP {status} {_detail(answer)[:MAX_DETAIL]}".strip()
    outcome: Outcome = Refused(reason)
    if response.is_success:
        outcome = _accepted(answer, count)
    elif status == _CONTENT_TOO_LARGE:
        outcome = TooLarge()
    elif status in _UNAUTHORIZED:
        outcome = Misconfigured("SQREEN_TOKEN", reason)
    elif status == _PROXY_LOGIN_REQUIRED:
        outcome = Misconfigured(OWN, reason)
    elif status in _WRONG_ADDRESS or response.is_redirect:
        outcome = Misconfigured("SQREEN_URL", reason)
    elif status in _RETRYABLE or response.is_server_error:
        after, date = response.headers.get("Retry-After"), response.headers.get("Date")
        outcome = Retry(reason, retry_after(after, date=date))
    return outcome


def _detail(answer: bytes) -> str:
    """Return the detail of an RFC 9457 problem, or the start of any other answer."""
    try:
        return _problem_decoder.decode(answer).detail
    except (msgspec.DecodeError, UnicodeDecodeError):
        return answer[: 4 * MAX_DETAIL].decode("utf-8", "replace")


def _accepted(answer: bytes, count: int) -> Outcome:
    try:
        counts = decode_answer(answer)
    except MalformedBatchError as error:
        # For example a page of a proxy, which confirms no events.
        return Retry(f"the answer is not from a collector: {error}")
    total = counts.accepted + counts.duplicates + len(counts.rejected)
    if total != count:
        return Retry(f"the answer counts {total} events, but {count} were sent")
    detail = counts.rejected[0].detail if counts.rejected else ""
    return Delivered(rejected=len(counts.rejected), detail=detail)
