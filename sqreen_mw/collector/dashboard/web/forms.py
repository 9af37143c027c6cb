"""Read small posted forms."""

from typing import Final
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

_MAX_BYTES: Final = 8 * 1024
_MAX_FIELDS: Final = 20
_FORM: Final = "application/x-www-form-urlencoded"


async def posted_form(request: Request) -> dict[str, str]:
    """Return the fields of a form. It can be called more than once.

    Raises:
        HTTPException: 415 for another media type, 413 above 8 KiB, 400 for a malformed body.
    """
    known: dict[str, str] | None = getattr(request.state, "form", None)
    if known is not None:
        return known
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise HTTPException(415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BYTES:
            raise HTTPException(413)
    try:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError as error:
        raise HTTPException(400) from error
    request.state.form = fields
    return fields
