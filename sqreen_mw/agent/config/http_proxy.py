"""The HTTP proxy between the app and the collector."""

from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from sqreen_mw.agent.config.validators import parse_proxy

OWN: Final = "SQREEN_HTTP_PROXY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy and the variable that sets it.

    Attributes:
        url: Its address, which may contain a password.
        setting: The variable to change if the address is wrong.
    """

    url: str = field(repr=False)
    setting: str = OWN


@dataclass(frozen=True, slots=True)
class ProxyChoice:
    """The proxy to use, if any, and a sentence for each ignored variable."""

    proxy: Proxy | None = None
    notes: tuple[str, ...] = ()


def choose_proxy(url: str | None, own: str | None) -> ProxyChoice:
    """Return the proxy for a URL: that of our setting, else that of the environment.

    The variables of the environment are ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and
    ``NO_PROXY``, as ``urllib.request`` reads them. Other programs use them too, so a wrong one is
    noted and does not stop the start.
    """
    parts = urlsplit(url or "")
    if parts.scheme not in {"http", "https"}:
        return ProxyChoice()
    if own is not None:
        return ProxyChoice(Proxy(url=own))
    name, value = _from_environment(parts)
    if value is None:
        return ProxyChoice()
    try:
        return ProxyChoice(Proxy(url=parse_proxy(value), setting=name))
    except ValueError as error:
        return ProxyChoice(notes=(f"{name} is ignored: a proxy {error}; or set {OWN}",))


def _from_environment(parts: SplitResult) -> tuple[str, str | None]:
    """Return the variable that applies to a URL, and its value."""
    # Imported here: it costs 7 ms, and the HTTP client of such URLs imports it anyway.
    from urllib import request  # noqa: PLC0415 see above

    bypass = request.proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed lacks it
    proxies = request.getproxies_environment()
    scheme = parts.scheme if parts.scheme in proxies else "all"
    # Unlike curl and others, proxy_bypass_environment knows neither "*.example.com" nor the dot
    # at the end of a host name.
    exceptions = [entry.strip() for entry in proxies.get("no", "").split(",")]
    proxies["no"] = "*" if "*" in exceptions else ",".join(e.removeprefix("*") for e in exceptions)
    host = parts.netloc.rstrip(".")
    if _is_this_machine(parts.hostname or "") or bypass(host, proxies):
        return "", None
    return f"{scheme.upper()}_PROXY", proxies.get(scheme)


def _is_this_machine(host: str) -> bool:
    host = host.rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return False
