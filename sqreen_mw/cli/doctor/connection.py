"""Checks the connection to the collector, with the app's own transport and an empty batch."""

import asyncio
import time
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

import httpx2

from sqreen_mw.agent.agent import SDK, batch_header
from sqreen_mw.agent.config.config import Config
from sqreen_mw.agent.config.settings_table import SETTINGS
from sqreen_mw.agent.delivery.batch import make_batch
from sqreen_mw.agent.delivery.interfaces import (
    Delivered,
    Misconfigured,
    Outcome,
    Refused,
    Retry,
    TooLarge,
)
from sqreen_mw.agent.delivery.transports.http import HttpTransport, client_options
from sqreen_mw.agent.delivery.transports.http_errors import Endpoint, explain_error
from sqreen_mw.cli.doctor.finding import Finding
from sqreen_mw.protocol.token import is_organization_token

SECONDS: Final = 10.0
MAX_SKEW: Final = 2.0
"""Allowed difference of the two clocks in seconds; an HTTP date is precise to one second."""

_HALF: Final = 0.5
_UNAVAILABLE: Final = 503


def check_destination(config: Config) -> list[Finding]:
    """Return the findings about the destination of events."""
    if config.disable:
        return [Finding("collector", "warning", "every call is a no-op: disable is set")]
    if config.url is None:
        variable = SETTINGS["url"].variable
        detail = f"every call is a no-op: set {variable} to the collector's URL"
        return [Finding("collector", "problem", detail)]
    if urlsplit(config.url).scheme in {"http", "https"}:
        return check_collector(config.url, config)
    return [Finding("collector", "warning", f"no collector is used: events go to {config.url}")]


def check_collector(url: str, config: Config) -> list[Finding]:
    """Request the collector's health, compare the clocks, and send a batch without events."""
    way = Endpoint(url=url, proxy=config.proxy, ca_file=config.ca_file)
    try:
        with httpx2.Client(timeout=SECONDS, **client_options(way)) as client:
            started = time.time()
            answer = client.head(f"{url}/healthz", headers={"User-Agent": SDK})
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        return [_no_answer(way, error)]
    ended = time.time()
    return [
        _health(answer, url, milliseconds=(ended - started) * 1000),
        *_clock(answer, started, ended),
        *_delivery(url, config),
    ]


def _no_answer(way: Endpoint, error: Exception) -> Finding:
    reason = explain_error(error, way)
    detail = (
        f"no answer from {way.url}: check that the collector runs and that this machine can reach "
        f"it ({reason})"
    )
    return Finding("collector", "problem", detail)


def _health(answer: httpx2.Response, url: str, *, milliseconds: float) -> Finding:
    if answer.is_success:
        return Finding("collector", "ok", f"{url} answered in {milliseconds:.0f} ms")
    if answer.status_code == _UNAVAILABLE:
        return Finding("collector", "problem", "it can't store events now: see the collector's log")
    detail = f"the server at {url} is not a collector: HTTP {answer.status_code} for /healthz"
    return Finding("collector", "problem", detail)


def _clock(answer: httpx2.Response, started: float, ended: float) -> list[Finding]:
    """Compare the Date header of the answer (RFC 9110, section 6.6.1) with this machine's clock.

    The collector read its clock at some time between the start and the end of the request.
    """
    try:
        theirs = parsedate_to_datetime(answer.headers["date"]).timestamp() + _HALF
    except (KeyError, ValueError):
        return []
    ahead = max(started - theirs, 0.0) + min(ended - theirs, 0.0)
    if abs(ahead) <= MAX_SKEW:
        return [Finding("clock", "ok", "this machine and the collector agree")]
    which = "ahead of" if ahead > 0 else "behind"
    detail = (
        f"this machine is {abs(ahead):.0f} s {which} the collector, and events have this "
        "machine's time: synchronize both with a time server"
    )
    return [Finding("clock", "warning", detail)]


def _delivery(url: str, config: Config) -> list[Finding]:
    started = time.monotonic()
    outcome = asyncio.run(_send_empty_batch(url, config))
    took = (time.monotonic() - started) * 1000
    return [_outcome(outcome, milliseconds=took), *_token_advice(outcome, config.token or "")]


def _outcome(outcome: Outcome, *, milliseconds: float) -> Finding:
    if isinstance(outcome, Delivered):
        detail = f"the token is accepted; an empty batch took {milliseconds:.0f} ms"
        return Finding("delivery", "ok", detail)
    return Finding("delivery", "problem", _fault(outcome))


def _token_advice(outcome: Outcome, token: str) -> list[Finding]:
    if not (isinstance(outcome, Delivered) and is_organization_token(token)):
        return []
    detail = (
        "this token is for a first setup and accepts any app: in production, create one for this "
        "app with 'sqreen-mw tokens create APP'"
    )
    return [Finding("token", "warning", detail)]


def _fault(outcome: Misconfigured | Retry | Refused | TooLarge) -> str:
    match outcome:
        case Misconfigured():
            return f"check {outcome.setting}: {outcome.reason}"
        case Retry():
            return f"the app would retry: {outcome.reason}"
        case Refused():
            return f"it rejects batches: {outcome.reason}"
        case TooLarge():
            return (
                "the collector or a proxy in front of it rejects even an empty batch as too large"
            )


async def _send_empty_batch(url: str, config: Config) -> Outcome:
    transport = HttpTransport(
        url=url,
        token=config.token or "",
        user_agent=SDK,
        proxy=config.proxy,
        ca_file=config.ca_file,
    )
    batch = make_batch(batch_header(config), events=[], tracked_at=[])
    try:
        return await transport.send(batch, seconds=SECONDS)
    finally:
        await transport.close()
