"""The HTTP transport: connections, proxies, TLS and the explanations of errors."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path

import pytest
import trustme

from sqreen_mw.agent.config.http_proxy import Proxy
from sqreen_mw.agent.delivery.interfaces import Delivered, Misconfigured, Outcome, Retry
from sqreen_mw.agent.delivery.transports.http import HttpTransport
from sqreen_mw.agent.delivery.transports.http_errors import Endpoint, explain_error
from tests.agent.delivery.test_transports import batch_of, send
from tests.support.faulty_collector import Answer, FaultyCollector, tls_collector
from tests.support.http_server import server_context
from tests.support.ports import free_port
from tests.support.proxies import RealProxy, proxy
from tests.support.waiting import PATIENCE

YEAR_2020 = datetime(2020, 1, 1, tzinfo=UTC)
FOUR_WEEKS = timedelta(weeks=4)
LINE = 120
"""The most characters of a reason, so that a log line stays short."""


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Return a certificate authority of our own."""
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    """Return the file with its certificate."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[FaultyCollector]:
    """Run a collector with a certificate of that authority."""
    with tls_collector(authority.issue_cert("localhost")) as collector:
        yield collector


def transport(url: str, *, ca_file: str | None = None, via: str | None = None) -> HttpTransport:
    """Return the transport for a URL."""
    through = None if via is None else Proxy(url=via)
    return HttpTransport(url=url, token="t", user_agent="u", ca_file=ca_file, proxy=through)


def reason_of(outcome: Outcome) -> str:
    """Return why a batch is tried again, which is one short line."""
    assert isinstance(outcome, Retry)
    assert "\n" not in outcome.reason
    assert len(outcome.reason) < LINE
    return outcome.reason


def test_batches_share_one_connection(secure: FaultyCollector, ca_file: str) -> None:
    """Many batches use the same connection, also after failed answers."""
    secure.answers = [Answer(), Answer(status=500, body=b"x" * 5000), Answer(status=429)]

    async def run() -> None:
        sender = transport(secure.url, ca_file=ca_file)
        for _ in range(10):
            await sender.send(batch_of("a"), seconds=PATIENCE)
        await sender.close()

    asyncio.run(run())

    assert len(secure.posts) == 10
    assert secure.connections == 1


def test_closed_connection_loses_no_batch(collector: FaultyCollector) -> None:
    """A collector that closes the connection after each answer gets the next batch at once."""
    collector.answers = [Answer(headers={"Connection": "close"}) for _ in range(3)]

    async def run() -> list[Outcome]:
        sender = transport(collector.url)
        outcomes = [await sender.send(batch_of("a"), seconds=PATIENCE) for _ in range(4)]
        await sender.close()
        return outcomes

    assert asyncio.run(run()) == [Delivered()] * 4
    assert collector.connections == 4


def test_own_ca_is_trusted(secure: FaultyCollector, ca_file: str) -> None:
    """With the CA file, a collector with a certificate of an own CA gets the events."""
    assert send(transport(secure.url, ca_file=ca_file), batch_of("a")) == Delivered()


def test_ssl_cert_file_is_used(
    secure: FaultyCollector, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``SSL_CERT_FILE`` works as it does for other programs."""
    monkeypatch.setenv("SSL_CERT_FILE", ca_file)

    assert send(transport(secure.url), batch_of("a")) == Delivered()


def test_unknown_ca_is_explained(secure: FaultyCollector) -> None:
    """A certificate of an unknown CA is refused, and the reason names the setting."""
    reason = reason_of(send(transport(secure.url), batch_of("a")))

    assert reason.startswith("the certificate is not signed by a trusted CA, set SQREEN_CA_FILE (")
    assert secure.posts == []


def test_certificate_of_another_ca_is_refused(secure: FaultyCollector, tmp_path: Path) -> None:
    """Only certificates of the CA file are trusted."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))

    reason = reason_of(send(transport(secure.url, ca_file=str(other)), batch_of("a")))

    assert "SQREEN_CA_FILE" in reason


@pytest.mark.parametrize(
    ("name", "valid_from", "start"),
    [
        ("other.test", None, "the certificate is for another host, check SQREEN_URL (Hostname mis"),
        ("localhost", YEAR_2020, "the certificate is not valid, check it or SQREEN_CA_FILE ("),
    ],
)
def test_wrong_certificate_is_explained(
    authority: trustme.CA, ca_file: str, name: str, valid_from: datetime | None, start: str
) -> None:
    """A certificate for another host, or an expired one, is refused with its reason."""
    until = None if valid_from is None else valid_from + FOUR_WEEKS
    certificate = authority.issue_cert(name, not_before=valid_from, not_after=until)
    with tls_collector(certificate) as wrong:
        reason = reason_of(send(transport(wrong.url, ca_file=ca_file), batch_of("a")))

    assert reason.startswith(start)
    assert wrong.posts == []


def test_server_without_tls_is_explained(collector: FaultyCollector) -> None:
    """For an https URL of a plain port, the reason suggests http."""
    url = collector.url.replace("http:", "https:")

    reason = reason_of(send(transport(url), batch_of("x")))

    assert reason.startswith("the server does not use TLS, should SQREEN_URL begin with http://? (")


def test_incompatible_tls_is_explained(authority: trustme.CA, ca_file: str) -> None:
    """A server without a common TLS version or cipher is reported as a TLS failure."""
    context = server_context(authority.issue_cert("localhost"))
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("DHE-RSA-AES256-SHA256")
    with proxy(tls=context) as picky:
        reason = reason_of(send(transport(picky.url, ca_file=ca_file), batch_of("x")))

    assert reason.startswith("TLS fails, check SQREEN_URL (")


def test_missing_certificates_are_explained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A missing file of the machine's certificates is reported and does not end the delivery."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))

    reason = reason_of(send(transport("https://localhost:1"), batch_of("x")))

    assert reason == (
        "certificates can't be read, check SQREEN_CA_FILE or SSL_CERT_FILE "
        "(No such file or directory)"
    )


def test_unknown_host_and_closed_port_are_explained() -> None:
    """The reason for an unknown host or a closed port names the setting."""
    port = free_port()

    unknown = reason_of(send(transport("http://no-such-host.invalid:7070"), batch_of("x")))
    assert unknown.startswith("there is no host no-such-host.invalid:7070, check SQREEN_URL (")
    for host in ("localhost", "127.0.0.1"):
        reason = reason_of(send(transport(f"http://{host}:{port}"), batch_of("x")))
        assert reason == f"nothing listens at {host}:{port}, check SQREEN_URL"


@pytest.mark.slow
def test_connection_timeout_is_explained() -> None:
    """A connection that is not accepted is not mistaken for a slow answer."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(address)
        sender = transport(f"http://127.0.0.1:{address[1]}")
        reason = reason_of(send(sender, batch_of("x"), seconds=PATIENCE))
        for each in waiting:
            each.close()

    assert reason == f"no connection to 127.0.0.1:{address[1]} in time, check SQREEN_URL"


def test_reason_of_a_host_with_several_addresses_is_the_first() -> None:
    """If every address of a name refuses, the reason is that of the first."""
    tries = ExceptionGroup("all failed", [ConnectionRefusedError(), TimeoutError()])
    error = OSError("All connection attempts failed")
    error.__cause__ = tries

    reason = explain_error(error, Endpoint(url="http://localhost:7070"))

    assert reason == "nothing listens at localhost:7070, check SQREEN_URL"


@pytest.mark.parametrize("login", [None, "jane:s3 cret/@"])
def test_proxy_forwards_to_a_plain_collector(collector: FaultyCollector, login: str | None) -> None:
    """Events for an http collector go through the proxy, with its login if it has one."""
    with proxy(RealProxy(login=login)) as between:
        via = between.url
        if login:
            via = via.replace("://", "://jane:s3%20cret%2F%40@")
        assert send(transport(collector.url, via=via), batch_of("a")) == Delivered()

    assert between.requests == [f"POST {collector.url}/v1/events"]
    assert collector.names == ["a"]
    assert "proxy-authorization" not in collector.posts[0].headers


@pytest.mark.parametrize("over_tls", [False, True])
def test_proxy_tunnels_to_a_secure_collector(
    secure: FaultyCollector, authority: trustme.CA, ca_file: str, *, over_tls: bool
) -> None:
    """A proxy can't read events for an https collector, whose certificate is checked."""
    tls = server_context(authority.issue_cert("localhost")) if over_tls else None
    with proxy(tls=tls) as between:

        async def run() -> list[Outcome]:
            sender = transport(secure.url, ca_file=ca_file, via=between.url)
            outcomes = [await sender.send(batch_of("a"), seconds=PATIENCE) for _ in range(3)]
            await sender.close()
            return outcomes

        assert asyncio.run(run()) == [Delivered()] * 3

    assert between.requests == [f"CONNECT {secure.url.removeprefix('https://')}"]
    assert secure.connections == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_proxy_login_is_explained(collector: FaultyCollector, scheme: str) -> None:
    """407 keeps the events, and the reason names the proxy's setting, not the collector's."""
    with proxy(RealProxy(login="jane:secret")) as between:
        url = collector.url.replace("http:", f"{scheme}:")
        outcome = send(transport(url, via=between.url), batch_of("a"))

    assert isinstance(outcome, Misconfigured)
    assert outcome.setting == "SQREEN_HTTP_PROXY"
    assert outcome.reason.startswith("HTTP 407")
    assert collector.posts == []


def test_bad_gateway_of_a_proxy_is_retried(secure: FaultyCollector) -> None:
    """A proxy that can not reach the collector may reach it later."""
    with proxy(RealProxy(refuses=HTTPStatus.BAD_GATEWAY)) as between:
        reason = reason_of(send(transport(secure.url, via=between.url), batch_of("a")))

    assert reason == "the proxy in SQREEN_HTTP_PROXY answered 502 Bad Gateway"


def test_unreachable_proxy_is_explained(secure: FaultyCollector) -> None:
    """The reason names the proxy's setting, and never contains its password."""
    port = free_port()

    gone = send(transport(secure.url, via=f"http://jane:secret@127.0.0.1:{port}"), batch_of("a"))
    unknown = send(transport(secure.url, via="http://proxy.invalid:3128"), batch_of("a"))

    assert reason_of(gone) == f"nothing listens at 127.0.0.1:{port}, check SQREEN_HTTP_PROXY"
    assert reason_of(unknown).startswith(
        "there is no host proxy.invalid:3128, check SQREEN_HTTP_PROXY ("
    )
