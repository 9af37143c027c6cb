"""Parsers of settings. A wrong value raises an error that contains the fix."""

import os
import ssl
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from os import PathLike
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import SplitResult, urlsplit

from sqreen_mw.capture.client_ip import Networks
from sqreen_mw.capture.ignore_paths import PathPatterns
from sqreen_mw.protocol.address import PRIVATE
from sqreen_mw.protocol.event import Event
from sqreen_mw.protocol.limits import MAX_NAME_LENGTH
from sqreen_mw.scrubbing.interface import ScrubberProtocol
from sqreen_mw.scrubbing.scrubber import Scrubber

TextList: TypeAlias = str | Sequence[str] | AbstractSet[str]
"""Text with commas, or several texts."""

URL_SCHEMES: Final = ("http", "https", "file", "console", "memory")
MAX_FLUSH_INTERVAL: Final = 60.0
MIN_SPOOL_SIZE: Final = 4
"""MiB: enough for a few batches of 1 MiB."""

MAX_SPOOL_SIZE: Final = 1024 * 1024
MAX_SPOOL_AGE: Final = 24.0 * 365


def parse_url(value: str) -> str:
    """Return the URL of the collector or of a local destination, without a slash at the end."""
    value = _text(value).strip()
    parts = urlsplit(value)
    if parts.scheme not in URL_SCHEMES:
        raise ValueError(f"must begin with one of {', '.join(s + '://' for s in URL_SCHEMES)}")
    if parts.scheme in {"http", "https"} and not parts.hostname:
        raise ValueError("has no host: write it as http://localhost:7070")
    if parts.username or parts.password:
        raise ValueError("must not contain a password: set the token as SQREEN_TOKEN")
    _check_port(parts, "http://localhost:7070")
    if parts.scheme == "file" and (parts.netloc or not parts.path):
        raise ValueError("has no path: write it as file:///var/log/events.jsonl")
    if parts.scheme not in {"http", "https"}:
        return value
    is_longer = parts.query or parts.fragment or parts.path.rstrip("/").endswith("/v1/events")
    if is_longer or " " in value:
        raise ValueError("must be only the collector's address, such as http://localhost:7070")
    return value.rstrip("/")


def parse_proxy(value: str) -> str:
    """Return the address of a proxy; the default scheme is http."""
    value = _text(value).strip()
    parts = urlsplit(value if "://" in value else f"http://{value}")
    if parts.scheme not in {"http", "https"}:
        raise ValueError("must begin with http:// or https://, other kinds are not supported")
    _check_port(parts, "http://proxy.example.com:3128")
    if not parts.hostname:
        raise ValueError("has no host: write it as http://proxy.example.com:3128")
    if parts.query or parts.fragment or parts.path.strip("/"):
        raise ValueError("must be only its address, such as http://proxy.example.com:3128")
    return parts.geturl().rstrip("/")


def parse_ca_file(value: str | PathLike[str]) -> str:
    """Return the full path of a readable file of certificates."""
    path = Path(value).absolute()
    try:
        ssl.create_default_context(cafile=path)
    except ssl.SSLError as error:
        raise ValueError(
            "must name a file of certificates in PEM form, it contains none"
        ) from error
    except OSError as error:
        reason = error.strerror
        raise ValueError(f"must name a file of certificates in PEM form: {reason}") from error
    return str(path)


def parse_token(value: str) -> str:
    """Return the token of the app."""
    value = _text(value).strip()
    if not value:
        raise ValueError("must not be empty: make one with `sqreen-mw tokens create APP`")
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise ValueError("must be printable ASCII without spaces: copy it exactly")
    return value


def parse_name(value: str) -> str:
    """Return the name of an app, an environment or a release."""
    if not _text(value).strip() or not value.isprintable():
        raise ValueError("must be printable text")
    if len(value) > MAX_NAME_LENGTH:
        raise ValueError(f"must have at most {MAX_NAME_LENGTH} characters")
    return value.strip()


def parse_bool(value: object) -> bool:
    """Return a bool; yes, on, true and their opposites are valid too."""
    text = str(value).strip().lower()
    if text in {"1", "true", "yes", "y", "on"}:
        return True
    if text in {"0", "false", "no", "n", "off"}:
        return False
    raise ValueError("must be 1 or 0")


def parse_interval(value: str | float) -> float:
    """Return seconds between two batches."""
    seconds = _number(value)
    if not 0 < seconds <= MAX_FLUSH_INTERVAL:
        raise ValueError(f"must be seconds, more than 0 and at most {MAX_FLUSH_INTERVAL:g}")
    return seconds


def parse_spool_dir(value: str | PathLike[str]) -> str:
    """Return the full path of a directory; it may not exist yet."""
    text = os.fspath(value)
    if not text.strip() or "\0" in text:
        raise ValueError("must name a directory")
    return str(Path(text).absolute())


def parse_spool_size(value: str | float) -> int:
    """Return the bytes of a number of MiB."""
    size = _number(value)
    if not MIN_SPOOL_SIZE <= size <= MAX_SPOOL_SIZE:
        raise ValueError(f"must be MiB, at least {MIN_SPOOL_SIZE} and at most {MAX_SPOOL_SIZE}")
    return int(size * 1024 * 1024)


def parse_spool_age(value: str | float) -> float:
    """Return the seconds of a number of hours."""
    hours = _number(value)
    if not 0 < hours <= MAX_SPOOL_AGE:
        raise ValueError(f"must be hours, more than 0 and at most {MAX_SPOOL_AGE:g}")
    return hours * 3600


def parse_networks(value: TextList) -> tuple[str, ...]:
    """Return networks of trusted proxies; ``private`` means several."""
    networks: list[str] = []
    for text in _texts(value, separators=", "):
        networks.extend(PRIVATE if text == "private" else (text,))
    try:
        Networks(networks)
    except ValueError as error:
        raise ValueError(f"must be networks such as 10.0.0.0/8, or private: {error}") from error
    return tuple(networks)


def parse_header_name(value: str) -> str:
    """Return the lower-case name of a header field."""
    name = _text(value).strip().lower()
    if not name.replace("-", "").isalnum() or not name.isascii():
        # A client could forge a name with underscores: servers drop or merge it.
        raise ValueError(
            "must be the name of one header without underscores, such as CF-Connecting-IP"
        )
    return name


def parse_ignore_paths(value: TextList) -> PathPatterns:
    """Return the patterns of ignored paths."""
    return PathPatterns(_texts(value, separators=", "))


def parse_keys(value: TextList) -> tuple[str, ...]:
    """Return names of keys with secret values."""
    keys = tuple(_texts(value, separators=","))
    if not keys:
        raise ValueError("must be names of keys, such as password, secret")
    return keys


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"must be text, not {type(value).__name__}")
    return value


def _check_port(parts: SplitResult, example: str) -> None:
    try:
        _ = parts.port
    except ValueError:
        # The original message may contain a part of a password that is not quoted.
        raise ValueError(f"has an invalid port: write it as {example}") from None


def _number(value: object) -> float:
    """Return a number; it may be given as text."""
    try:
        return float(str(value))
    except ValueError:
        raise ValueError("must be a number") from None


def _texts(value: object, *, separators: str) -> list[str]:
    """Return the parts of a text, or the elements of a list, tuple or set."""
    elements: Iterable[object]
    match value:
        case str():
            for separator in separators:
                value = value.replace(separator, "\n")
            elements = value.splitlines()
        case AbstractSet():
            elements = sorted(value, key=str)
        case list() | tuple():
            elements = value
        case _:
            raise TypeError(f"must be text or a list of text, not {type(value).__name__}")
    texts: list[str] = []
    for element in elements:
        if not isinstance(element, str):
            raise TypeError(f"must be a list of text, one element is {element!r}")
        texts.append(element.strip())
    return [text for text in texts if text]


def parse_regex(value: str) -> str:
    """Return a regular expression for secrets in text."""
    Scrubber(pattern=value)
    return value


def parse_hook(value: Callable[[Event], Event | None]) -> Callable[[Event], Event | None]:
    """Return the app's hook."""
    if not callable(value):
        raise TypeError("must be a function of an event")
    return value


def parse_scrubber(value: ScrubberProtocol) -> ScrubberProtocol:
    """Return a scrubber of the app."""
    if not all(hasattr(value, name) for name in ("text", "value", "is_sensitive")):
        raise TypeError("must have the methods text, value and is_sensitive")
    return value
