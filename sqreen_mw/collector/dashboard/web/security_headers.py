"""Security headers for every page: only the collector's own files may run, load or frame it."""

from typing import Final

from starlette.responses import Response

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def secure(response: Response) -> None:
    """Add the headers to a response. It is not cached unless it sets cache-control."""
    response.headers.update(_HEADERS)
    response.headers.setdefault("cache-control", "no-store")
