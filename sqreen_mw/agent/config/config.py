"""The settings of the agent: keywords, ``SQREEN_*`` variables or a file, checked once."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from os import PathLike
from typing import Any, TypedDict
from urllib.parse import urlsplit

from sqreen_mw.agent.config.http_proxy import Proxy, choose_proxy
from sqreen_mw.agent.config.sources import KEYWORD, Found, Sources, gather
from sqreen_mw.agent.config.table import SETTINGS, Setting
from sqreen_mw.agent.config.validators import Texts
from sqreen_mw.capture.client_ip import FORWARDED_FOR, LOOPBACK, ClientIp, Networks
from sqreen_mw.capture.ignore_paths import PathPatterns
from sqreen_mw.errors import ConfigurationError
from sqreen_mw.protocol.event import Event
from sqreen_mw.scrubbing.interface import ScrubberProtocol
from sqreen_mw.scrubbing.scrubber import NullScrubber, Scrubber


class Settings(TypedDict, total=False):
    """The keywords that a middleware takes; each overrides its ``SQREEN_*`` variable and the file.

    ``before_send`` and ``scrubber`` are objects of the app, so they have no variable.
    """

    url: str
    token: str
    http_proxy: str
    ca_file: str | PathLike[str]
    app_name: str
    environment: str
    release: str
    disable: bool
    flush_interval: float
    spool_dir: str | PathLike[str]
    spool_size: float
    spool_age: float
    trusted_proxies: Texts
    ip_header: str
    ignore_paths: Texts
    strict: bool
    strip_sensitive_data: bool
    strip_sensitive_keys: Texts
    strip_sensitive_regex: str
    before_send: Callable[[Event], Event | None]
    scrubber: ScrubberProtocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Settings that hold together.

    Attributes:
        url: Where events go; None means nowhere, and every call is a safe no-op.
        token: The secret that the collector knows the app by; http and https only.
        proxy: The proxy on the way there, if any.
        ca_file: A file of the only certificates that vouch for the collector, if not the machine's.
        app_name: The app's name; None leaves it to the token.
        environment: Where the app runs, such as ``production`` or ``staging``.
        release: The app's own version, if it has one.
        disable: Whether every call is a no-op, whatever the other settings say.
        flush_interval: Seconds that an event waits for others to travel with.
        spool_dir: Where events wait on disk while the collector is away; None is nowhere.
        spool_size: Bytes that wait there at most.
        spool_age: Seconds that they wait there at most.
        client_ip: Which proxies are trusted, and by which header.
        ignore_paths: Requests to these paths have no events.
        strict: Whether a wrong call raises ``SqreenUsageError`` instead of being logged.
        strip_sensitive_data: Whether secrets are masked before they leave the process.
        strip_sensitive_keys: Names of secret values, in place of the default ones.
        strip_sensitive_regex: One more expression for secrets in text.
        scrubber: Masks them: the app's own, or one made of the settings above.
        before_send: The app's hook: is shown each event, and returns it, another one, or None.
        notes: What is set to no effect, a sentence each.
    """

    url: str | None = None
    token: str | None = field(default=None, repr=False)
    proxy: Proxy | None = None
    ca_file: str | None = None
    app_name: str | None = None
    environment: str = "production"
    release: str | None = None
    disable: bool = False
    flush_interval: float = 1.0
    spool_dir: str | None = None
    spool_size: int = 64 * 1024 * 1024
    spool_age: float = 72 * 3600.0
    client_ip: ClientIp = field(default_factory=lambda: _client_ip((), None))
    ignore_paths: PathPatterns = field(default_factory=lambda: PathPatterns(()))
    strict: bool = False
    strip_sensitive_data: bool = True
    strip_sensitive_keys: tuple[str, ...] | None = None
    strip_sensitive_regex: str | None = None
    scrubber: ScrubberProtocol = field(default_factory=Scrubber, compare=False)
    before_send: Callable[[Event], Event | None] | None = None
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def spool_owner(self) -> str:
        """Whose the events in the spool are: an app that is called so, or has the same token."""
        return self.app_name or self.token or self.url or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A configuration, and for each setting that somebody gave what it was made of."""

    config: Config
    found: dict[str, Found]


def load_config(
    settings: Settings | None = None, *, environ: Mapping[str, str] = os.environ
) -> Config:
    """Return the configuration of keywords, of the environment and of the file.

    Raises:
        ConfigurationError: A setting is wrong; the message names it and the fix.
    """
    return resolve(settings, environ=environ).config


def resolve(
    settings: Settings | None = None, *, environ: Mapping[str, str] = os.environ
) -> Resolved:
    """Return the configuration as ``load_config`` does, with where its values came from.

    Raises:
        ConfigurationError: A setting is wrong; the message names it and the fix.
    """
    sources = gather(dict(settings or {}), environ)
    values, faults = _read_all(sources)
    values["client_ip"] = _client_ip(
        values.pop("trusted_proxies", ()), values.pop("ip_header", None)
    )
    values.setdefault("scrubber", _scrubber(values))
    chosen = choose_proxy(values.get("url"), values.pop("http_proxy", None), environ)
    notes = (*sources.notes, *faults, *chosen.notes)
    config = Config(**values, proxy=chosen.proxy, notes=notes)
    _check_token(config)
    return Resolved(config=config, found=sources.found)


def differing(one: Config, other: Config) -> list[str]:
    """Return the names of the settings in which two configurations differ."""
    return [
        each.name
        for each in fields(Config)
        if each.compare and getattr(one, each.name) != getattr(other, each.name)
    ]


def _read_all(sources: Sources) -> tuple[dict[str, Any], list[str]]:
    """Return all values; where the SDK is off, a wrong one is left out and told of."""
    values: dict[str, Any] = {}
    faults: list[str] = []
    for name, found in sources.found.items():
        try:
            values[name] = _read(SETTINGS[name], found)
        except ConfigurationError as error:
            if not sources.is_off:
                raise
            faults.append(str(error))
    return values, faults


def _read(setting: Setting, found: Found) -> Any:
    try:
        return setting.read(found.value)
    except (ValueError, TypeError, AttributeError) as error:
        text = str(found.value)
        shown = "" if setting.hides(text) else f" (it is {text[:100]!r})"
        raise ConfigurationError(f"{_named(setting, found)} {error}{shown}") from error


def _named(setting: Setting, found: Found) -> str:
    if found.origin not in {KEYWORD, setting.variable}:
        return f"{found.origin}: {setting.name}"
    return setting.name if setting.keyword_only else f"{setting.name} / {setting.variable}"


def _check_token(config: Config) -> None:
    sends = config.url is not None and urlsplit(config.url).scheme in {"http", "https"}
    if sends and config.token is None and not config.disable:
        raise ConfigurationError(
            "token / SQREEN_TOKEN is missing: the collector at "
            f"{config.url} takes events with a token only; "
            "make one with `sqreen-mw tokens create APP`"
        )


def _scrubber(values: dict[str, Any]) -> ScrubberProtocol:
    if not values.get("strip_sensitive_data", True):
        return NullScrubber()
    keys, pattern = values.get("strip_sensitive_keys"), values.get("strip_sensitive_regex")
    return Scrubber(keys=keys, pattern=pattern)


def _client_ip(proxies: tuple[str, ...], header: str | None) -> ClientIp:
    trusted = Networks((*LOOPBACK, *proxies))
    return ClientIp(trusted=trusted, header=header or FORWARDED_FOR, named=header is not None)
