"""Explains network errors: the cause in plain words, and the setting to check."""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from sqreen_mw.agent.config.http_proxy import Proxy
from sqreen_mw.agent.delivery.transports.dns import UnansweredError

# OpenSSL's X509_V_ERR_... codes for an unknown certificate authority.
_UNKNOWN_AUTHORITY: Final = frozenset({18, 19, 20, 21})
_OTHER_HOST: Final = frozenset({62, 64})
_NOT_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A collector and how to reach it.

    Attributes:
        url: Its address.
        proxy: The proxy in between, if there is one.
        ca_file: The file of trusted certificates; None means those of the machine.
    """

    url: str
    proxy: Proxy | None = None
    ca_file: str | None = None

    @property
    def uses_tls(self) -> bool:
        """Whether a certificate has to be checked."""
        return self.url.startswith("https:") or bool(
            self.proxy and self.proxy.url.startswith("https:")
        )

    @property
    def first_hop(self) -> tuple[str, str]:
        """The host and port to connect to, and the setting that contains them."""
        address, setting = self.url, "SQREEN_URL"
        if self.proxy is not None:
            address, setting = self.proxy.url, self.proxy.setting
        host = urlsplit(address).netloc.rpartition("@")[2]  # without user and password
        return host, setting


def explain_error(error: BaseException, endpoint: Endpoint) -> str:
    """Return an explanation of the deepest cause that has one."""
    causes = reversed(list(_causes(error)))
    explained = next((text for each in causes if (text := _explain(each, endpoint))), None)
    return explained or f"{type(error).__name__}: {error}".rstrip(": ")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Return an error and its causes; of a group, those of the first error."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        if isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        else:
            cause = cause.__cause__ or cause.__context__


def _explain(error: BaseException, endpoint: Endpoint) -> str | None:
    host, setting = endpoint.first_hop
    text: str | None
    match error:
        case ssl.SSLError():
            text = _explain_tls(error)
        case socket.gaierror():
            text = f"there is no host {host}, check {setting} ({error.strerror})"
        case ConnectionRefusedError():
            text = f"nothing listens at {host}, check {setting}"
        case FileNotFoundError() | PermissionError():
            why = error.strerror
            text = f"certificates can't be read, check SQREEN_CA_FILE or SSL_CERT_FILE ({why})"
        case UnansweredError():
            text = f"{host} could not be resolved in time, check {setting} and the name servers"
        case TimeoutError():
            text = f"no connection to {host} in time, check {setting}"
        case _:
            text = None
    return text


def _explain_tls(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _explain_certificate(error)
    if error.reason in _NOT_TLS:
        return (
            f"the server does not use TLS, should SQREEN_URL begin with http://? ({error.reason})"
        )
    return f"TLS fails, check SQREEN_URL ({error.reason})"


def _explain_certificate(error: ssl.SSLCertVerificationError) -> str:
    reason = error.verify_message.rstrip(".")
    if error.verify_code in _UNKNOWN_AUTHORITY:
        return f"the certificate is not signed by a trusted CA, set SQREEN_CA_FILE ({reason})"
    if error.verify_code in _OTHER_HOST:
        return f"the certificate is for another host, check SQREEN_URL ({reason})"
    return f"the certificate is not valid, check it or SQREEN_CA_FILE ({reason})"
