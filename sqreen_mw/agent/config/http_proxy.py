"""The proxy on the way to the collector: the app's own setting before the usual variables."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from sqreen_mw.agent.config.validators import read_proxy

OWN: Final = "SQREEN_HTTP_PROXY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy, and the variable that names it.

    Attributes:
        url: Its address, which may hold a password.
        setting: What to change if it is wrong.
    """

    url: str = field(repr=False)
    setting: str = OWN


@dataclass(frozen=True, slots=True)
class Chosen:
    """The proxy to take, if any, and what was passed over, a sentence each."""

    proxy: Proxy | None = None
    notes: tuple[str, ...] = ()


def choose_proxy(url: str | None, own: str | None, environ: Mapping[str, str]) -> Chosen:
    """Return the proxy for a URL: the app's own, else that of the usual variables.

    Those are ``HTTPS_PROXY``, ``HTTP_PROXY`` and ``ALL_PROXY``; ``NO_PROXY`` and this machine's own
    addresses are exceptions to them. They are every program's, so a wrong one stops no start.
    """
    parts = urlsplit(url or "")
    if parts.scheme not in {"http", "https"}:
        return Chosen()
    if own is not None:
        return Chosen(Proxy(url=own))
    name, value = _usual(parts.scheme, environ)
    if not value or _is_excepted(parts.hostname or "", parts.port, _get("NO_PROXY", environ)):
        return Chosen()
    try:
        return Chosen(Proxy(url=read_proxy(value), setting=name))
    except ValueError as error:
        return Chosen(notes=(f"{name} is passed over: a proxy {error}; {OWN} sets one of our own",))


def _usual(scheme: str, environ: Mapping[str, str]) -> tuple[str, str]:
    names = [f"{scheme.upper()}_PROXY", "ALL_PROXY"]
    if scheme == "http" and "REQUEST_METHOD" in environ and "http_proxy" not in environ:
        # In CGI, HTTP_PROXY is what a client sent as the header Proxy.
        names.pop(0)
    return next(((name, value) for name in names if (value := _get(name, environ))), ("", ""))


def _get(name: str, environ: Mapping[str, str]) -> str:
    """Return a usual variable, which in lower case counts more, as everywhere."""
    return environ.get(name.lower()) or environ.get(name, "")


def _is_excepted(host: str, port: int | None, exceptions: str) -> bool:
    host = host.lower().rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    with suppress(ValueError):
        if ip_address(host).is_loopback:
            return True
    return any(_covers(entry.lower(), host, port) for entry in exceptions.replace(",", " ").split())


def _covers(entry: str, host: str, port: int | None) -> bool:
    """Tell whether an entry of ``NO_PROXY`` is of a host: a domain, an address or a network."""
    if entry == "*":
        return True
    with suppress(ValueError):
        network = ip_network(entry.strip("[]"), strict=False)
        with suppress(ValueError):
            return ip_address(host) in network
        return False
    name, _, of_port = entry.partition(":")
    if of_port and of_port != str(port):
        return False
    domain = name.removeprefix("*").removeprefix(".").rstrip(".")
    return host == domain or host.endswith(f".{domain}")
