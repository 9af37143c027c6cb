"""Detect requests that another site made the browser send."""

import hashlib
from typing import Final
from urllib.parse import urlsplit

from itsdangerous import BadSignature, Signer
from starlette.requests import Request

FIELD: Final = "csrf"
"""The form field with the token."""


def csrf_token(cookie: str, session_id: object) -> str:
    """Return the token for a session's forms.

    The session's own secret signs it, so the collector needs no other key. Only the browser has
    this secret; the collector stores its hash.
    """
    return _signer(cookie).sign(str(session_id)).decode()


def is_csrf_token(token: str, *, cookie: str, session_id: object) -> bool:
    """Return True if the token belongs to this session. The comparison takes constant time."""
    try:
        return _signer(cookie).unsign(token) == str(session_id).encode()
    except BadSignature:
        return False


def _signer(cookie: str) -> Signer:
    return Signer(
        cookie,
        salt=b"sqreen_mw.dashboard.csrf",
        key_derivation="hmac",
        digest_method=hashlib.sha256,
    )


def is_cross_site(request: Request, public_url: str) -> bool:
    """Return True if the browser reports that a page of another origin sent the request.

    Browsers send Sec-Fetch-Site (W3C Fetch Metadata) to secure origins, and Origin (RFC 6454) with
    every POST. A client that sends neither is not a browser, so no session is at risk.

    Args:
        request: The request.
        public_url: The collector's URL for browsers, or an empty text. A proxy may have replaced
            the Host header.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = request.headers.get("origin")
    if origin is None:
        return False
    try:
        scheme, host, port = _origin(origin)
        same = {_origin(public_url), _origin(f"{scheme}://{request.headers.get('host', '')}")}
    except ValueError:
        return True  # No browser sends a malformed origin.
    return not host or (scheme, host, port) not in same


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)


_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
