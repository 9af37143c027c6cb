"""Requests that another site made a browser send: told apart, and refused."""

import hashlib
from typing import Final
from urllib.parse import urlsplit

from itsdangerous import BadSignature, Signer
from starlette.requests import Request

FIELD: Final = "csrf"
"""The form field that carries the token."""


def csrf_token(cookie: str, session_id: object) -> str:
    """Return the token of a session's forms.

    It is signed with the session's own secret, which only this browser and, as a hash, the
    collector know: no key has to be kept or shared between collectors.
    """
    return _signer(cookie).sign(str(session_id)).decode()


def is_csrf_token(token: str, *, cookie: str, session_id: object) -> bool:
    """Tell whether a form was made for this session; compares in constant time."""
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


def is_cross_site(request: Request) -> bool:
    """Tell whether a browser says that another origin's page sent the request.

    Browsers send Sec-Fetch-Site (W3C Fetch Metadata) to secure origins and Origin (RFC 6454) with
    every POST. A client that sends neither is no browser: nobody's cookies are at stake.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = request.headers.get("origin")
    try:
        return origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    except ValueError:
        return True  # No browser writes its own origin so.
