"""How the client's address of a request is found, and which settings would find another."""

from dataclasses import dataclass
from typing import Final, Self

from sqreen_mw.agent.config.config import Settings, resolve
from sqreen_mw.agent.config.table import SETTINGS
from sqreen_mw.capture.client_ip import ClientAddress, ClientIp, Headers, Networks, Step
from sqreen_mw.protocol.address import PRIVATE, packed_address

OTHER_HEADERS: Final = (
    "X-Forwarded-For",
    "Forwarded",
    "X-Real-IP",
    "CF-Connecting-IP",
    "True-Client-IP",
    "Fastly-Client-IP",
    "Fly-Client-IP",
    "X-Client-IP",
)
"""Headers in which proxies are known to name the client."""

_PRIVATE: Final = Networks(PRIVATE)


@dataclass(frozen=True, slots=True)
class Sample:
    """What of a request names its client: the connection's other end, and the headers."""

    peer: str
    headers: Headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whom the settings trust, as they are written: proxies, and their header if it is named."""

    proxies: str = ""
    header: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what keywords say, and for what they leave out, the environment or the file.

        Raises:
            ConfigurationError: A setting is wrong.
        """
        # Nothing is sent, so that no token is needed.
        found = resolve(Settings(**settings, url="memory://")).found
        proxies, header = found.get("trusted_proxies"), found.get("ip_header")
        return cls(
            proxies=proxies.value if proxies else "", header=header.value if header else None
        )

    def client_ip(self) -> ClientIp:
        """Return what finds the address."""
        given = Settings(url="memory://", trusted_proxies=self.proxies)
        if self.header is not None:
            given["ip_header"] = self.header
        return resolve(given).config.client_ip


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Settings with which the client is another one.

    Attributes:
        proxies: Addresses that these settings trust, and the present ones do not.
        settings: What to set, by variable.
        client: Whom they find.
        is_likely: Whether the addresses are private, as those of one's own proxies mostly are.
    """

    proxies: list[str]
    settings: dict[str, str]
    client: ClientAddress
    is_likely: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """How the address of a request is found.

    Attributes:
        client: What is found.
        header: The name of the header that trusted proxies are believed in.
        steps: What was looked at: the peer, then the header from its right.
        left_out: Addresses of the header that were not looked at.
        advice: What would find another address, if that is not nonsense.
    """

    client: ClientAddress
    header: str
    steps: list[Step]
    left_out: list[str]
    advice: Advice | None


def walk(trust: Trust, sample: Sample) -> Walk:
    """Find the address of a request as the agent does."""
    client_ip = trust.client_ip()
    steps: list[Step] = []
    client = client_ip.resolve(sample.peer, sample.headers, steps=steps)
    chain = client_ip.chain(sample.headers)
    trials = [_trial(trust, header, sample) for header in (trust.header, *OTHER_HEADERS)]
    return Walk(
        client=client,
        header=client_ip.header,
        steps=steps,
        left_out=chain[: len(chain) - len(steps) + 1],
        advice=next((each for each in trials if each and each.client.ip != client.ip), None),
    )


def _trial(trust: Trust, header: str | None, sample: Sample) -> Advice | None:
    """Trust the peer, and private addresses after it, until a client is found in the header."""
    added: list[str] = []
    while True:
        proxies = ",".join(filter(None, [trust.proxies, *added]))
        client_ip = Trust(proxies=proxies, header=header).client_ip()
        client = client_ip.resolve(sample.peer, sample.headers)
        proxy = _proxy(client_ip, client, client_ip.chain(sample.headers))
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


def _proxy(client_ip: ClientIp, client: ClientAddress, chain: list[str]) -> str | None:
    """Return the address if it may be a proxy's: the peer's, or a private one with more behind."""
    if not chain or client.ip is None or _packed(client.ip) in client_ip.trusted:
        return None
    may_be = client.source == "peer" or (_is_private(client.ip) and client.ip != chain[0])
    return client.ip if may_be else None


def _is_private(address: str) -> bool:
    return _packed(address) in _PRIVATE


def _packed(address: str) -> bytes:
    return packed_address(address) or b""
