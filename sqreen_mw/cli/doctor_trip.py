"""The way to the collector, tried as the app would go it; nothing is left there."""

import asyncio
import time
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

import httpx2

from sqreen_mw.agent.agent import SDK, header_of
from sqreen_mw.agent.config.config import Config
from sqreen_mw.agent.config.table import SETTINGS
from sqreen_mw.agent.delivery.batch import make_batch
from sqreen_mw.agent.delivery.transports.base import (
    Delivered,
    Misconfigured,
    Outcome,
    Refused,
    Retry,
    TooLarge,
)
from sqreen_mw.agent.delivery.transports.http import HttpTransport, way_options
from sqreen_mw.agent.delivery.transports.http_errors import Way, told_fault
from sqreen_mw.cli.doctor_finding import Finding

SECONDS: Final = 10.0
MAX_SKEW: Final = 2.0
"""Seconds that two clocks may differ by; an HTTP date is not more precise than one."""

_HALF: Final = 0.5
_UNAVAILABLE: Final = 503


def try_destination(config: Config) -> list[Finding]:
    """Return how it is with the place that events go to."""
    if config.disable:
        return [Finding("collector", "warning", "every call is a no-op: disable is set")]
    if config.url is None:
        variable = SETTINGS["url"].variable
        detail = f"every call is a no-op: set {variable} to the collector's address"
        return [Finding("collector", "problem", detail)]
    if urlsplit(config.url).scheme in {"http", "https"}:
        return try_collector(config.url, config)
    return [Finding("collector", "warning", f"there is none: events go to {config.url}")]


def try_collector(url: str, config: Config) -> list[Finding]:
    """Ask for the collector's health, compare the clocks, and send a batch without events."""
    way = Way(url=url, proxy=config.proxy, ca_file=config.ca_file)
    try:
        with httpx2.Client(timeout=SECONDS, **way_options(way)) as client:
            begun = time.time()
            answer = client.head(f"{url}/healthz", headers={"User-Agent": SDK})
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        return [_silence(way, error)]
    ended = time.time()
    return [
        _health(answer, url, milliseconds=(ended - begun) * 1000),
        *_clock(answer, begun, ended),
        _delivery(url, config),
    ]


def _silence(way: Way, error: Exception) -> Finding:
    reason = told_fault(error, way)
    detail = (
        f"nothing answers at {way.url}: is it running, and may this machine reach it? ({reason})"
    )
    return Finding("collector", "problem", detail)


def _health(answer: httpx2.Response, url: str, *, milliseconds: float) -> Finding:
    if answer.is_success:
        return Finding("collector", "fine", f"{url} answered in {milliseconds:.0f} ms")
    if answer.status_code == _UNAVAILABLE:
        return Finding("collector", "problem", "it can't write events now: its log says why")
    detail = f"what answers at {url} is no collector: HTTP {answer.status_code} for /healthz"
    return Finding("collector", "problem", detail)


def _clock(answer: httpx2.Response, begun: float, ended: float) -> list[Finding]:
    """Compare the collector's clock, if it tells it (RFC 9110, section 6.6.1), with this one.

    It was looked at some time between when it was asked for and when the answer was there.
    """
    try:
        theirs = parsedate_to_datetime(answer.headers["date"]).timestamp() + _HALF
    except (KeyError, ValueError):
        return []
    ahead = max(begun - theirs, 0.0) + min(ended - theirs, 0.0)
    if abs(ahead) <= MAX_SKEW:
        return [Finding("clock", "fine", "this machine's and the collector's agree")]
    which = "ahead of" if ahead > 0 else "behind"
    detail = (
        f"this machine is {abs(ahead):.0f} s {which} the collector, and events carry this "
        "machine's time: let both follow a time server"
    )
    return [Finding("clock", "warning", detail)]


def _delivery(url: str, config: Config) -> Finding:
    begun = time.monotonic()
    outcome = asyncio.run(_send_nothing(url, config))
    return _judged(outcome, milliseconds=(time.monotonic() - begun) * 1000)


def _judged(outcome: Outcome, *, milliseconds: float) -> Finding:
    if isinstance(outcome, Delivered):
        detail = f"the token may send; a batch without events took {milliseconds:.0f} ms"
        return Finding("delivery", "fine", detail)
    return Finding("delivery", "problem", _fault(outcome))


def _fault(outcome: Misconfigured | Retry | Refused | TooLarge) -> str:
    match outcome:
        case Misconfigured():
            return f"check {outcome.setting}: {outcome.reason}"
        case Retry():
            return f"the app would try again: {outcome.reason}"
        case Refused():
            return f"it refuses batches: {outcome.reason}"
        case TooLarge():
            return "it, or a proxy in front of it, takes no batch as small as an empty one"


async def _send_nothing(url: str, config: Config) -> Outcome:
    transport = HttpTransport(
        url=url,
        token=config.token or "",
        user_agent=SDK,
        proxy=config.proxy,
        ca_file=config.ca_file,
    )
    batch = make_batch(header_of(config), events=[], tracked_at=[])
    try:
        return await transport.send(batch, seconds=SECONDS)
    finally:
        await transport.close()
