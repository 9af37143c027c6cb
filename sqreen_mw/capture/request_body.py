"""The part of the request's body that the app reads, and the parameters in it."""

import json
from email.message import Message
from typing import Any, Final, NamedTuple

from sqreen_mw.capture.multipart_body import WERKZEUG, Dialect, multipart_form

MAX_BODY_BYTES: Final = 16 * 1024
"""Maximum kept bytes of a body."""

_FORM: Final = "application/x-www-form-urlencoded"
_NESTED: Final = ("{", "[")


class BodyTee:
    """Keeps the first bytes of a body while the app reads it.

    Attributes:
        truncated: True if the body has more bytes than are kept.
    """

    __slots__ = ("_parts", "_room", "truncated")

    def __init__(self) -> None:
        self._parts: Final[list[bytes]] = []
        self._room = MAX_BODY_BYTES
        self.truncated: bool = False

    def feed(self, data: object) -> None:
        """Keep the next bytes of the body. Objects that are not bytes are ignored."""
        if not isinstance(data, bytes | bytearray | memoryview):
            return
        part = bytes(data[: self._room])
        if len(part) < len(data):
            self.truncated = True
        if part:
            self._parts.append(part)
            self._room -= len(part)

    def read(self) -> bytes:
        """Return the kept bytes."""
        return b"".join(self._parts)


class RawBody(NamedTuple):
    """The kept bytes of a body with its content type, and the framework's dialect of forms."""

    content_type: str
    data: bytes
    truncated: bool
    dialect: Dialect = WERKZEUG


class BodyParameters(NamedTuple):
    """The parameters of a body. ``incomplete`` is True if some could not be read.

    ``query`` contains the complete fields of an URL-encoded form.
    """

    query: bytes = b""
    form: tuple[tuple[str, str], ...] = ()
    json: Any = None
    incomplete: bool = False


def body_parameters(body: RawBody) -> BodyParameters:
    """Return the parameters of a JSON body or a form. Other bodies have none.

    Frameworks read JSON from a body of any type, such as ``text/plain``, which browsers use for
    ``navigator.sendBeacon()``. So an object or an array is JSON unless the body is multipart.
    """
    if not body.data:
        return BodyParameters(incomplete=body.truncated)
    header = Message()
    header["content-type"] = " ".join(body.content_type.splitlines())
    kind = header.get_content_type()
    charset = header.get_content_charset("utf-8")
    if kind == "multipart/form-data":
        return _multipart(body, str(header.get_boundary("")), charset)
    is_json = kind == "application/json" or kind.endswith("+json")
    parameters = _json(body, charset, is_json=is_json)
    if parameters is not None:
        return parameters
    return _urlencoded(body) if kind == _FORM else BodyParameters()


def _json(body: RawBody, charset: str, *, is_json: bool) -> BodyParameters | None:
    """Return the JSON of a body, or None if it is not JSON."""
    seems_json = is_json
    try:
        text = _json_text(body.data, charset)
        seems_json = is_json or text.lstrip()[:1] in _NESTED
        return BodyParameters(json=json.loads(text)) if seems_json else None
    except (ValueError, LookupError, RecursionError):
        is_cut = seems_json and body.truncated
        return BodyParameters(incomplete=True) if is_json or is_cut else None


def _json_text(data: bytes, charset: str) -> str:
    """Decode JSON like the standard library does: UTF-8, UTF-16 or UTF-32, or else the charset."""
    try:
        return data.decode(json.detect_encoding(data), "surrogatepass")
    except UnicodeDecodeError:
        return data.decode(charset)


def _urlencoded(body: RawBody) -> BodyParameters:
    # The last field of a cut body can be half a secret, which no pattern recognizes.
    whole = body.data.rpartition(b"&")[0] if body.truncated else body.data
    return BodyParameters(query=whole, incomplete=body.truncated)


def _multipart(body: RawBody, boundary: str, charset: str) -> BodyParameters:
    if not boundary:
        return BodyParameters(incomplete=True)
    form = multipart_form(
        body.data,
        boundary=boundary.encode("latin-1", "replace"),
        charset=charset,
        dialect=body.dialect,
    )
    return BodyParameters(form=form.fields, incomplete=body.truncated or not form.is_complete)
