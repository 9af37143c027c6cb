"""What a failed try means in words: what is wrong, and the setting to look at."""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from sqreen_mw.agent.config.http_proxy import Proxy
from sqreen_mw.agent.delivery.transports.dns import UnansweredError

# OpenSSL's X509_V_ERR_...: the certificate, or one above it, is of nobody known.
_UNKNOWN_AUTHORITY: Final = frozenset({18, 19, 20, 21})
_OTHER_HOST: Final = frozenset({62, 64})
_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The way to a collector.

    Attributes:
        url: Its address.
        proxy: What is between, if anything.
        ca_file: The certificates that vouch for it; None stands for the machine's.
    """

    url: str
    proxy: Proxy | None = None
    ca_file: str | None = None

    @property
    def has_tls(self) -> bool:
        """Whether a certificate is to be checked on it."""
        return self.url.startswith("https:") or bool(
            self.proxy and self.proxy.url.startswith("https:")
        )

    @property
    def first_hop(self) -> tuple[str, str]:
        """The host and port to connect to, and the setting that names them."""
        address, setting = self.url, "SQREEN_URL"
        if self.proxy is not None:
            address, setting = self.proxy.url, self.proxy.setting
        host = urlsplit(address).netloc.rpartition("@")[2]  # what is before it may be a password
        return host, setting


def explain_error(error: BaseException, way: Endpoint) -> str:
    """Return what is wrong with a way, by the deepest cause that says something."""
    causes = reversed(list(_causes(error)))
    told = next((text for each in causes if (text := _told(each, way))), None)
    return told or f"{type(error).__name__}: {error}".rstrip(": ")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Return an error and what it was raised for; where several tries failed, the first's."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        if isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        else:
            cause = cause.__cause__ or cause.__context__


def _told(error: BaseException, way: Endpoint) -> str | None:
    host, setting = way.first_hop
    told: str | None
    match error:
        case ssl.SSLError():
            told = _told_tls(error)
        case socket.gaierror():
            told = f"there is no host {host}, check {setting} ({error.strerror})"
        case ConnectionRefusedError():
            told = f"nothing listens at {host}, check {setting}"
        case FileNotFoundError() | PermissionError():
            why = error.strerror
            told = f"certificates can't be read, check SQREEN_CA_FILE or SSL_CERT_FILE ({why})"
        case UnansweredError():
            told = f"{host} could not be resolved in time, check {setting} and the name servers"
        case TimeoutError():
            told = f"no connection to {host} in time, check {setting}"
        case _:
            told = None
    return told


def _told_tls(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _told_certificate(error)
    if error.reason in _NO_TLS:
        return f"what answers speaks no TLS, should it be http:// in SQREEN_URL? ({error.reason})"
    return f"TLS fails, check SQREEN_URL ({error.reason})"


def _told_certificate(error: ssl.SSLCertVerificationError) -> str:
    reason = error.verify_message.rstrip(".")
    if error.verify_code in _UNKNOWN_AUTHORITY:
        return f"nobody known vouches for the certificate, set SQREEN_CA_FILE ({reason})"
    if error.verify_code in _OTHER_HOST:
        return f"the certificate is of another host, check SQREEN_URL ({reason})"
    return f"the certificate is not valid, check the collector's, or SQREEN_CA_FILE ({reason})"
