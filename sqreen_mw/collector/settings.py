"""The collector's settings, from options and environment variables."""

import difflib
import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from sqreen_mw.capture.client_ip import ClientIp
from sqreen_mw.collector.client_address import client_ip
from sqreen_mw.errors import ConfigurationError

PREFIX: Final = "SQREEN_COLLECTOR_"
"""Prefix of the collector's environment variables."""

LOG_LEVELS: Final = ("debug", "info", "warning", "error", "critical")
LOG_FORMATS: Final = ("text", "json")

_MAX_PORT: Final = 65_535
_MAX_DAYS: Final = 36_500
_NUMBERS: Final = {"port": _MAX_PORT, "keep_days": _MAX_DAYS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one collector.

    Attributes:
        data_dir: Folder of the databases. A missing folder is created for its owner only.
        host: Address to listen on.
        port: TCP port. With 0 the system chooses one.
        root_path: Path that the proxy removes, such as ``/sqreen``.
        public_url: Public URL of the collector with the root path, such as
            ``https://sqreen.example.com``. By default it consists of host and port.
        tls_cert: PEM file of the certificate and its chain.
        tls_key: PEM file of the certificate's key.
        events_url: URL of the event store, by default ``events.db`` in the folder.
        state_url: URL of the state database, by default ``state.db`` in the folder.
        trusted_proxies: Networks of your proxies, separated by commas. ``private`` means the
            private networks. Loopback is always trusted.
        keep_days: Days for which events are kept; 0 keeps all.
        log_level: The lowest level of log lines.
        log_format: ``text``, or ``json`` for one object per line.

    Raises:
        ConfigurationError: A setting is invalid. The message names the setting and the fix.
    """

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 7070
    root_path: str = ""
    public_url: str = ""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    events_url: str = ""
    state_url: str = ""
    trusted_proxies: str = ""
    keep_days: int = 0
    log_level: str = "info"
    log_format: str = "text"
    client_ip: ClientIp = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name, file in (("events_url", "events.db"), ("state_url", "state.db")):
            if not getattr(self, name):
                object.__setattr__(self, name, f"sqlite:///{self.data_dir / file}")
        if not self.host:
            raise ConfigurationError(
                "host is empty: use 127.0.0.1, or 0.0.0.0 to listen on every address"
            )
        if not 0 <= self.port <= _MAX_PORT:
            raise ConfigurationError(f"port is {self.port}: use 0 to {_MAX_PORT}")
        if not 0 <= self.keep_days <= _MAX_DAYS:
            raise ConfigurationError(f"keep days is {self.keep_days}: use 0 to {_MAX_DAYS}")
        if self.root_path and (self.root_path[0] != "/" or self.root_path.endswith("/")):
            raise ConfigurationError(
                f"root path is {self.root_path!r}: start it with a slash and end it without one"
            )
        if self.public_url:
            object.__setattr__(self, "public_url", checked_url(self.public_url, "public URL"))
        object.__setattr__(self, "client_ip", _client_ip(self.trusted_proxies))
        self._check_tls()
        self._check_log()

    @property
    def is_loopback(self) -> bool:
        """True if only this machine can reach the host."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def scheme(self) -> str:
        """The URL scheme of the collector."""
        return "https" if self.tls_cert else "http"

    def _check_log(self) -> None:
        object.__setattr__(self, "log_level", self.log_level.lower())
        for name, choices in (("log_level", LOG_LEVELS), ("log_format", LOG_FORMATS)):
            if getattr(self, name) not in choices:
                raise ConfigurationError(
                    f"{name.replace('_', ' ')} is {getattr(self, name)!r}: use one of "
                    f"{', '.join(choices)}"
                )

    def _check_tls(self) -> None:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ConfigurationError("TLS needs both a certificate and a key: give both or none")
        for name, path in (("TLS certificate", self.tls_cert), ("TLS key", self.tls_key)):
            if path is not None and not path.is_file():
                raise ConfigurationError(f"the {name} {path} does not exist: use a PEM file")


def load_settings(
    given: Mapping[str, Any] | None = None, *, environ: Mapping[str, str] | None = None
) -> Settings:
    """Return the settings: given values, then the environment, then the defaults.

    Args:
        given: Settings by name. None values are ignored.
        environ: The environment, by default ``os.environ``.

    Raises:
        ConfigurationError: A setting is invalid, or a ``SQREEN_COLLECTOR_*`` name is unknown.
    """
    if environ is None:
        environ = os.environ
    values = _from_environment(environ)
    values |= {name: value for name, value in (given or {}).items() if value is not None}
    if "data_dir" not in values:
        values["data_dir"] = _default_data_dir(environ)
    return Settings(**values)


def folder(text: str) -> Path:
    """Return the path of the data folder.

    Raises:
        ConfigurationError: The name is empty. It would mean the current folder.
    """
    if not text:
        raise ConfigurationError("data dir is empty: use a folder, or leave it out")
    return Path(text)


def checked_url(text: str, name: str) -> str:
    """Return the URL of a collector without a trailing slash. ``name`` is for the error.

    Raises:
        ConfigurationError: It is not an http or https URL, or it has a query or a password.
    """
    try:
        parts = urlsplit(text)
        is_fine = (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and (parts.port is None or parts.port > 0)
            and parts.username is None
            and not set("?#\\ ") & set(text)
            and text.isprintable()
        )
    except ValueError:
        is_fine = False
    if not is_fine:
        raise ConfigurationError(
            f"{name} is {text!r}: use an http or https URL without a query, such as "
            "https://sqreen.example.com"
        )
    return text.rstrip("/")


def _client_ip(trusted_proxies: str) -> ClientIp:
    try:
        return client_ip(trusted_proxies.replace(",", " ").split())
    except ValueError as error:
        raise ConfigurationError(
            f"trusted proxies are {trusted_proxies!r}: use networks such as 10.0.0.0/8, or private "
            f"({error})"
        ) from error


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    known = {PREFIX + each.name.upper(): each.name for each in fields(Settings) if each.init}
    values: dict[str, Any] = {}
    for variable in environ:
        if variable.startswith(PREFIX):
            if variable not in known:
                raise ConfigurationError(_unknown(variable, known))
            name = known[variable]
            values[name] = _converted(name, variable, environ[variable])
    return values


def _converted(name: str, variable: str, text: str) -> Any:
    if name in _NUMBERS:
        if not (text.isascii() and text.isdigit()):
            raise ConfigurationError(
                f"{variable} is {text!r}: use a number from 0 to {_NUMBERS[name]}"
            )
        return int(text)
    if name == "data_dir":
        return folder(text)
    return Path(text) if name in {"tls_cert", "tls_key"} else text


def _unknown(variable: str, known: Mapping[str, str]) -> str:
    # Compare without the common prefix.
    names = {name.removeprefix(PREFIX): name for name in known}
    close = difflib.get_close_matches(variable.removeprefix(PREFIX), names, n=1)
    advice = (
        f"did you mean {names[close[0]]}?"
        if close
        else f"the settings are {', '.join(sorted(known))}"
    )
    return f"{variable} is not a setting of the collector: {advice}"


def _default_data_dir(environ: Mapping[str, str]) -> Path:
    base = environ.get("XDG_DATA_HOME")
    try:
        return (Path(base) if base else Path.home() / ".local" / "share") / "sqreen-mw"
    except RuntimeError as error:
        raise ConfigurationError(
            f"this user has no home folder: set --data-dir or {PREFIX}DATA_DIR"
        ) from error
