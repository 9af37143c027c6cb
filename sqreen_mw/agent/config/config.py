"""Settings of the agent: keywords, ``SQREEN_*`` variables and a file, checked once at the start."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from os import PathLike
from typing import Any, TypedDict
from urllib.parse import urlsplit

from sqreen_mw.agent.config.http_proxy import Proxy, choose_proxy
from sqreen_mw.agent.config.settings_table import SETTINGS, Setting
from sqreen_mw.agent.config.sources import KEYWORD, SettingValue, SettingValues, collect_values
from sqreen_mw.agent.config.validators import TextList
from sqreen_mw.capture.client_ip import FORWARDED_FOR, LOOPBACK, ClientIp, Networks
from sqreen_mw.capture.ignore_paths import PathPatterns
from sqreen_mw.errors import ConfigurationError
from sqreen_mw.protocol.event import Event
from sqreen_mw.scrubbing.interface import ScrubberProtocol
from sqreen_mw.scrubbing.scrubber import NullScrubber, Scrubber


class Settings(TypedDict, total=False):
    """The keywords of a middleware; each overrides its ``SQREEN_*`` variable and the file.

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
    trusted_proxies: TextList
    ip_header: str
    ignore_paths: TextList
    strict: bool
    strip_sensitive_data: bool
    strip_sensitive_keys: TextList
    strip_sensitive_regex: str
    before_send: Callable[[Event], Event | None]
    scrubber: ScrubberProtocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Checked settings, with the same names and effects as in the table of settings.

    Attributes:
        url: Default None: every call is a no-op.
        proxy: The proxy to the collector, from ``http_proxy`` or the environment.
        client_ip: Made of ``trusted_proxies`` and ``ip_header``.
        spool_size: In bytes.
        spool_age: In seconds.
        scrubber: The app's own, or one made of the ``strip_sensitive_...`` settings.
        notes: A sentence for each setting without effect.
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
        """The owner of events in the spool: apps with the same name, or else the same token."""
        return self.app_name or self.token or self.url or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedConfig:
    """A configuration, and the given values with their origins."""

    config: Config
    values: dict[str, SettingValue]


def load_config(
    settings: Settings | None = None, *, environ: Mapping[str, str] = os.environ
) -> Config:
    """Return the configuration from keywords, the environment and the file.

    Raises:
        ConfigurationError: A setting is wrong; the message names it and the fix.
    """
    return load_with_sources(settings, environ=environ).config


def load_with_sources(
    settings: Settings | None = None, *, environ: Mapping[str, str] = os.environ
) -> LoadedConfig:
    """Return the configuration as ``load_config`` does, with the origins of its values.

    Raises:
        ConfigurationError: A setting is wrong; the message names it and the fix.
    """
    given = collect_values(dict(settings or {}), environ)
    values, errors = _parse_all(given)
    values["client_ip"] = _client_ip(
        values.pop("trusted_proxies", ()), values.pop("ip_header", None)
    )
    values.setdefault("scrubber", _scrubber(values))
    choice = choose_proxy(values.get("url"), values.pop("http_proxy", None))
    notes = (*given.notes, *errors, *choice.notes)
    config = Config(**values, proxy=choice.proxy, notes=notes)
    _check_token(config)
    return LoadedConfig(config=config, values=given.values)


def changed_settings(one: Config, other: Config) -> list[str]:
    """Return the names of the settings in which two configurations differ."""
    return [
        each.name
        for each in fields(Config)
        if each.compare and getattr(one, each.name) != getattr(other, each.name)
    ]


def _parse_all(given: SettingValues) -> tuple[dict[str, Any], list[str]]:
    """Return the parsed values, and the errors if the SDK is disabled: then they do not raise."""
    parsed: dict[str, Any] = {}
    errors: list[str] = []
    for name, value in given.values.items():
        try:
            parsed[name] = _parse(SETTINGS[name], value)
        except ConfigurationError as error:
            if not given.is_off:
                raise
            errors.append(str(error))
    return parsed, errors


def _parse(setting: Setting, given: SettingValue) -> Any:
    try:
        return setting.parse(given.value)
    except (ValueError, TypeError, AttributeError) as error:
        text = str(given.value)
        shown = "" if setting.hides(text) else f" (it is {text[:100]!r})"
        raise ConfigurationError(f"{_full_name(setting, given)} {error}{shown}") from error


def _full_name(setting: Setting, given: SettingValue) -> str:
    if given.origin not in {KEYWORD, setting.variable}:
        return f"{given.origin}: {setting.name}"
    return setting.name if setting.keyword_only else f"{setting.name} / {setting.variable}"


def _check_token(config: Config) -> None:
    is_http = config.url is not None and urlsplit(config.url).scheme in {"http", "https"}
    if is_http and config.token is None and not config.disable:
        raise ConfigurationError(
            f"token / SQREEN_TOKEN is missing: the collector at {config.url} accepts events only "
            "with a token; create one with `sqreen-mw tokens create APP`"
        )


def _scrubber(values: dict[str, Any]) -> ScrubberProtocol:
    if not values.get("strip_sensitive_data", True):
        return NullScrubber()
    keys, pattern = values.get("strip_sensitive_keys"), values.get("strip_sensitive_regex")
    return Scrubber(keys=keys, pattern=pattern)


def _client_ip(proxies: tuple[str, ...], header: str | None) -> ClientIp:
    trusted = Networks((*LOOPBACK, *proxies))
    return ClientIp(trusted=trusted, header=header or FORWARDED_FOR, named=header is not None)
