"""The settings of the agent: keywords, or ``SQREEN_*`` variables, checked once."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, TypedDict
from urllib.parse import urlsplit

from sqreen_mw.capture.client_ip import FORWARDED_FOR, LOOPBACK, PRIVATE, ClientIp, Networks
from sqreen_mw.capture.paths import Paths
from sqreen_mw.capture.scrubs import Scrubs
from sqreen_mw.errors import ConfigurationError
from sqreen_mw.protocol.event import Event
from sqreen_mw.protocol.limits import MAX_NAME_LENGTH
from sqreen_mw.scrubbing.scrubber import NullScrubber, Scrubber

URL_SCHEMES: Final = ("http", "https", "file", "console", "memory")
MAX_FLUSH_INTERVAL: Final = 60.0


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
        shown = "" if name == "token" else f" (it is {str(value)[:100]!r})"
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


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in URL_SCHEMES:
        raise ValueError(f"must begin with one of {', '.join(s + '://' for s in URL_SCHEMES)}")
    if parts.scheme in {"http", "https"} and not parts.hostname:
        raise ValueError("names no host: write it as http://localhost:7070")
    if parts.username or parts.password:
        raise ValueError("must not hold a password: give the token as SQREEN_TOKEN")
    _ = parts.port  # raises ValueError where it is no port
    return value.rstrip("/") if parts.scheme in {"http", "https"} else value


def _token(value: str) -> str:
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise ValueError("must be printable ASCII without spaces: copy it as it was shown")
    return value


def _name(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError("must be printable text")
    if len(value) > MAX_NAME_LENGTH:
        raise ValueError(f"must have at most {MAX_NAME_LENGTH} characters")
    return value.strip()


def _flag(value: object) -> bool:
    text = str(value).strip().lower()
    if text in {"1", "true", "yes", "y", "on"}:
        return True
    if text in {"0", "false", "no", "n", "off"}:
        return False
    raise ValueError("must be 1 or 0")


def _interval(value: str | float) -> float:
    seconds = float(value)
    if not 0 < seconds <= MAX_FLUSH_INTERVAL:
        raise ValueError(f"must be seconds, more than 0 and at most {MAX_FLUSH_INTERVAL:g}")
    return seconds


def _proxies(value: str) -> tuple[str, ...]:
    networks: list[str] = []
    for text in value.replace(",", " ").split():
        networks.extend(PRIVATE if text == "private" else (text,))
    try:
        Networks(networks)
    except ValueError as error:
        raise ValueError(f"must be networks such as 10.0.0.0/8, or private: {error}") from error
    return tuple(networks)


def _header_name(value: str) -> str:
    name = value.strip().lower()
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise ValueError("must be the name of one header, such as CF-Connecting-IP")
    return name


def _ignored(value: str) -> Paths:
    return Paths(value.replace(",", " ").split())


def _keys(value: str) -> tuple[str, ...]:
    keys = tuple(key.strip() for key in value.split(",") if key.strip())
    if not keys:
        raise ValueError("must be names of keys, such as password, secret")
    return keys


def _regex(value: str) -> str:
    Scrubber(pattern=value)
    return value


def _hook(value: Callable[[Event], Event | None]) -> Callable[[Event], Event | None]:
    if not callable(value):
        raise TypeError("must be a function of an event")
    return value


def _scrubs(value: Scrubs) -> Scrubs:
    if not all(hasattr(value, name) for name in ("text", "value", "is_sensitive")):
        raise TypeError("must have the methods text, value and is_sensitive")
    return value


def _scrubber(values: dict[str, Any]) -> Scrubs:
    if not values.get("strip_sensitive_data", True):
        return NullScrubber()
    keys, pattern = values.get("strip_sensitive_keys"), values.get("strip_sensitive_regex")
    return Scrubber(keys=keys, pattern=pattern)


def _client_ip(proxies: tuple[str, ...], header: str | None) -> ClientIp:
    trusted = Networks((*LOOPBACK, *proxies))
    return ClientIp(trusted=trusted, header=header or FORWARDED_FOR, named=header is not None)


_READERS: Final[dict[str, Callable[[Any], object]]] = {
    "url": _url,
    "token": _token,
    "app_name": _name,
    "environment": _name,
    "release": _name,
    "disable": _flag,
    "flush_interval": _interval,
    "trusted_proxies": _proxies,
    "ip_header": _header_name,
    "ignore_paths": _ignored,
    "strict": _flag,
    "strip_sensitive_data": _flag,
    "strip_sensitive_keys": _keys,
    "strip_sensitive_regex": _regex,
    "before_send": _hook,
    "scrubber": _scrubs,
}

_OBJECTS: Final = frozenset({"before_send", "scrubber"})
"""Settings that only a keyword can give."""
