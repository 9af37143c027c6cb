"""Finds a request's client address step by step, and the settings that would change it."""

from dataclasses import dataclass
from typing import Final, Self

from sqreen_mw.agent.config.config import Settings, load_with_sources
from sqreen_mw.agent.config.settings_table import SETTINGS
from sqreen_mw.capture.client_ip import ClientAddress, ClientIp, Headers, Networks, Step
from sqreen_mw.protocol.address import PRIVATE, packed_address

PROXY_HEADERS: Final = (
    "X-Forwarded-For",
    "Forwarded",
    "X-Real-IP",
    "CF-Connecting-IP",
    "True-Client-IP",
    "Fastly-Client-IP",
    "Fly-Client-IP",
    "X-Client-IP",
    "X-Azure-ClientIP",
    "CloudFront-Viewer-Address",
)
"""Headers in which known proxies send the client's address."""

_PRIVATE: Final = Networks(PRIVATE)


@dataclass(frozen=True, slots=True)
class Sample:
    """The parts of a request that determine its client: the peer's address and the headers."""

    peer: str
    headers: Headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The settings ``trusted_proxies`` and ``ip_header``."""

    proxies: str = ""
    header: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the settings of keywords, completed from the environment and the file.

        Raises:
            ConfigurationError: A setting is wrong.
        """
        # A memory URL needs no token.
        found = load_with_sources(Settings(**settings, url="memory://")).values
        proxies, header = found.get("trusted_proxies"), found.get("ip_header")
        return cls(
            proxies=proxies.value if proxies else "", header=header.value if header else None
        )

    def client_ip(self) -> ClientIp:
        """Return the agent's client address lookup with these settings."""
        given = Settings(url="memory://", trusted_proxies=self.proxies)
        if self.header is not None:
            given["ip_header"] = self.header
        return load_with_sources(given).config.client_ip


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Settings that result in another client address.

    Attributes:
        proxies: The addresses that these settings trust in addition.
        settings: Values by variable name.
        client: The resulting client address.
        is_likely: True if all added addresses are private, like those of most own proxies.
    """

    proxies: list[str]
    settings: dict[str, str]
    client: ClientAddress
    is_likely: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The search for the client address of a request.

    Attributes:
        client: The result.
        header: The name of the header that is read from trusted proxies.
        steps: The checked addresses: the peer, then those of the header from the right.
        left_out: The addresses of the header that were not checked.
        advice: Settings that result in another plausible address.
    """

    client: ClientAddress
    header: str
    steps: list[Step]
    left_out: list[str]
    advice: Advice | None


def trace_client_ip(trust: Trust, sample: Sample) -> Trace:
    """Find the client address of a request like the agent does."""
    client_ip = trust.client_ip()
    steps: list[Step] = []
    client = client_ip.resolve(sample.peer, sample.headers, steps=steps)
    chain = client_ip.chain(sample.headers)
    trials = [_trial(trust, header, sample) for header in (trust.header, *PROXY_HEADERS)]
    return Trace(
        client=client,
        header=client_ip.header,
        steps=steps,
        left_out=chain[: len(chain) - len(steps) + 1],
        advice=next((each for each in trials if each and each.client.ip != client.ip), None),
    )


def _trial(trust: Trust, header: str | None, sample: Sample) -> Advice | None:
    """Trust the peer, then private addresses of the header, until a client is found."""
    added: list[str] = []
    while True:
        proxies = ",".join(filter(None, [trust.proxies, *added]))
        client_ip = Trust(proxies=proxies, header=header).client_ip()
        client = client_ip.resolve(sample.peer, sample.headers)
        proxy = _possible_proxy(client_ip, client, client_ip.chain(sample.headers))
        if proxy is None:
            break
        added.append(proxy)
    settings = {SETTINGS["trusted_proxies"].variable: proxies} if added else {}
    if header != trust.header and header is not None:
        settings[SETTINGS["ip_header"].variable] = header
    if not settings or client.source == "peer":
        return None
    is_likely = all(_is_private(address) for address in added)
    return Advice(proxies=added, settings=settings, client=client, is_likely=is_likely)


def _possible_proxy(client_ip: ClientIp, client: ClientAddress, chain: list[str]) -> str | None:
    """Return the found address if it can be a proxy.

    The peer can be one. A private address of the header can be one unless it is the first.
    """
    if not chain or client.ip is None or _packed(client.ip) in client_ip.trusted:
        return None
    may_be = client.source == "peer" or (_is_private(client.ip) and client.ip != chain[0])
    return client.ip if may_be else None


def _is_private(address: str) -> bool:
    return _packed(address) in _PRIVATE


def _packed(address: str) -> bytes:
    return packed_address(address) or b""
