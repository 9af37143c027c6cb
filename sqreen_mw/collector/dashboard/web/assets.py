"""Serve the static files under addresses that change with their content."""

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

_FOLDER: Final = Path(__file__).parent.parent / "static"
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_IMPORT: Final = re.compile(rb'(?:from|import) "\./([a-z]+\.js)')
_FOREVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file. ``version`` is the beginning of its SHA-256."""

    body: bytes
    media_type: str
    version: str


@cache
def _read(path: Path) -> Asset:
    body = path.read_bytes()
    if path.suffix == ".js":
        body = _IMPORT.sub(_versioned, body)
    return Asset(body, _TYPES[path.suffix], hashlib.sha256(body).hexdigest()[:12])


def _versioned(found: re.Match[bytes]) -> bytes:
    # A module imports others under their versions too, so the imports must have no circle.
    return found[0] + f"?v={_read(_FOLDER / found[1].decode()).version}".encode()


ASSETS: Final = MappingProxyType({path.name: _read(path) for path in sorted(_FOLDER.iterdir())})


def asset_path(name: str) -> str:
    """Return the path of a file below the root path. Browsers may cache it forever."""
    return f"/static/{name}?v={ASSETS[name].version}"


async def asset(request: Request) -> Response:
    """Return a static file.

    Raises:
        HTTPException: 404 if there is no such file.
    """
    found = ASSETS.get(request.path_params.get("name", "favicon.svg"))
    if found is None:
        raise HTTPException(404)
    current = request.query_params.get("v") == found.version
    cache = {"cache-control": _FOREVER if current else "no-cache"}
    return Response(found.body, media_type=found.media_type, headers=cache)
