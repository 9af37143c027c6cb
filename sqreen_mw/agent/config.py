"""The settings of the agent: keywords, or ``SQREEN_*`` variables, checked once."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, TypedDict
from urllib.parse import urlsplit

from sqreen_mw.agent import readers
from sqreen_mw.capture.client_ip import FORWARDED_FOR, LOOPBACK, ClientIp, Networks
from sqreen_mw.capture.paths import Paths
from sqreen_mw.capture.scrubs import Scrubs
from sqreen_mw.errors import ConfigurationError
from sqreen_mw.protocol.event import Event
from sqreen_mw.scrubbing.scrubber import NullScrubber, Scrubber


class Settings(TypedDict, total=False):
    """The keywords that a middleware takes; each overrides its ``SQREEN_*`` variable.

    ``before_send`` and ``scrubber`` are objects of the app, so they have no variable.
    """

    url: str
    token: str
    app_name: str
    environment: str
    release: str
    disable: bool
    flush_interval: float
    trusted_proxies: str
    ip_header: str
    ignore_paths: str
    strict: bool
    strip_sensitive_data: bool
    strip_sensitive_keys: str
    strip_sensitive_regex: str
    before_send: Callable[[Event], Event | None]
    scrubber: Scrubs


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Settings that hold together.

    Attributes:
        url: Where events go; None means nowhere, and every call is a safe no-op.
        token: The secret that the collector knows the app by; http and https only.
        app_name: The app's name; None leaves it to the token.
        environment: Where the app runs, such as ``production`` or ``staging``.
        release: The app's own version, if it has one.
        disable: Whether every call is a no-op, whatever the other settings say.
        flush_interval: Seconds that an event waits for others to travel with.
        client_ip: Which proxies are trusted, and by which header.
        ignore_paths: Requests to these paths have no events.
        strict: Whether a wrong call raises ``SqreenUsageError`` instead of being logged.
        strip_sensitive_data: Whether secrets are masked before they leave the process.
        strip_sensitive_keys: Names of secret values, in place of the default ones.
        strip_sensitive_regex: One more expression for secrets in text.
        scrubber: Masks them: the app's own, or one made of the settings above.
        before_send: The app's hook: is shown each event, and returns it, another one, or None.
    """

    url: str | None = None
    token: str | None = field(default=None, repr=False)
    app_name: str | None = None
    environment: str = "production"
    release: str | None = None
    disable: bool = False
    flush_interval: float = 1.0
    client_ip: ClientIp = field(default_factory=lambda: _client_ip((), None))
    ignore_paths: Paths = field(default_factory=lambda: Paths(()))
    strict: bool = False
    strip_sensitive_data: bool = True
    strip_sensitive_keys: tuple[str, ...] | None = None
    strip_sensitive_regex: str | None = None
    scrubber: Scrubs = field(default_factory=Scrubber, compare=False)
    before_send: Callable[[Event], Event | None] | None = None


def load_config(
    settings: Settings | None = None, *, environ: Mapping[str, str] = os.environ
) -> Config:
    """Return the configuration of keywords, and of the environment for what they leave out.

    Raises:
        ConfigurationError: A setting is wrong; the message names it and the fix.
    """
    given: dict[str, Any] = dict(settings or {})
    unknown = sorted(given.keys() - _READERS.keys())
    if unknown:
        raise ConfigurationError(
            f"{unknown[0]!r} is no setting; there are: {', '.join(sorted(_READERS))}"
        )
    values: dict[str, Any] = {}
    for name, read in _READERS.items():
        variable = f"SQREEN_{name.upper()}"
        value = given.get(name)
        if value is None and name not in _OBJECTS:
            value = environ.get(variable) or None
        if value is not None:
            values[name] = _read(name, read, value)
    values["client_ip"] = _client_ip(
        values.pop("trusted_proxies", ()), values.pop("ip_header", None)
    )
    values.setdefault("scrubber", _scrubber(values))
    config = Config(**values)
    _check_token(config)
    return config


def differing(one: Config, other: Config) -> list[str]:
    """Return the names of the settings in which two configurations differ."""
    return [
        each.name
        for each in fields(Config)
        if each.compare and getattr(one, each.name) != getattr(other, each.name)
    ]


def _read(name: str, read: Callable[[Any], object], value: object) -> object:
    try:
        return read(value)
    except (ValueError, TypeError, AttributeError) as error:
        secret = name == "token" or (name == "url" and "@" in str(value))
        shown = "" if secret else f" (it is {str(value)[:100]!r})"
        both = name if name in _OBJECTS else f"{name} / SQREEN_{name.upper()}"
        raise ConfigurationError(f"{both} {error}{shown}") from error


def _check_token(config: Config) -> None:
    sends = config.url is not None and urlsplit(config.url).scheme in {"http", "https"}
    if sends and config.token is None and not config.disable:
        raise ConfigurationError(
            "token / SQREEN_TOKEN is missing: the collector at "
            f"{config.url} takes events with a token only; "
            "make one with `sqreen-mw tokens create APP`"
        )


def _scrubber(values: dict[str, Any]) -> Scrubs:
    if not values.get("strip_sensitive_data", True):
        return NullScrubber()
    keys, pattern = values.get("strip_sensitive_keys"), values.get("strip_sensitive_regex")
    return Scrubber(keys=keys, pattern=pattern)


def _client_ip(proxies: tuple[str, ...], header: str | None) -> ClientIp:
    trusted = Networks((*LOOPBACK, *proxies))
    return ClientIp(trusted=trusted, header=header or FORWARDED_FOR, named=header is not None)


_READERS: Final[dict[str, Callable[[Any], object]]] = {
    "url": readers.read_url,
    "token": readers.read_token,
    "app_name": readers.read_name,
    "environment": readers.read_name,
    "release": readers.read_name,
    "disable": readers.read_flag,
    "flush_interval": readers.read_interval,
    "trusted_proxies": readers.read_proxies,
    "ip_header": readers.read_header_name,
    "ignore_paths": readers.read_ignored,
    "strict": readers.read_flag,
    "strip_sensitive_data": readers.read_flag,
    "strip_sensitive_keys": readers.read_keys,
    "strip_sensitive_regex": readers.read_regex,
    "before_send": readers.read_hook,
    "scrubber": readers.read_scrubs,
}

_OBJECTS: Final = frozenset({"before_send", "scrubber"})
"""Settings that only a keyword can give."""
