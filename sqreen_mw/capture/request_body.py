"""The part of the request's body that the app reads, and the parameters in it."""

import logging
import re
from typing import Any, Final, NamedTuple

import msgspec
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, FormParser, parse_options_header

MAX_BODY_BYTES: Final = 16 * 1024
"""Maximum kept bytes of a body."""

FILE: Final = "<file>"
"""The value of an uploaded file; its content is never captured."""


# It logs malformed bodies. Without a handler in the app, they would be printed to stderr.
logging.getLogger("python_multipart").addHandler(logging.NullHandler())

_EXTENDED_FILENAME: Final = re.compile(
    rb"^(content-disposition:[^\r\n]*?[; \t])filename[ \t]*\*[\d* \t]*=",
    re.IGNORECASE | re.MULTILINE,
)


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
    """The kept bytes of a body with its content type."""

    content_type: str
    data: bytes
    truncated: bool


class BodyParameters(NamedTuple):
    """The parameters of a body. ``incomplete`` is True if some could not be read.

    ``query`` contains the complete fields of an URL-encoded form.
    """

    query: bytes = b""
    form: tuple[tuple[str, str], ...] = ()
    json: Any = None
    incomplete: bool = False


def body_parameters(body: RawBody) -> BodyParameters:
    """Return the parameters of a JSON body or a form. Other bodies have none."""
    kind, options = parse_options_header(body.content_type.encode("latin-1", "replace"))
    if not body.data:
        return BodyParameters(incomplete=body.truncated)
    if kind == b"application/x-www-form-urlencoded":
        return _urlencoded(body)
    if kind == b"multipart/form-data":
        return _multipart(body, options.get(b"boundary", b""))
    if kind == b"application/json" or kind.endswith(b"+json"):
        return _json(body)
    return BodyParameters()


def _urlencoded(body: RawBody) -> BodyParameters:
    # The last field of a cut body can be half a secret, which no pattern recognizes.
    whole = body.data.rpartition(b"&")[0] if body.truncated else body.data
    return BodyParameters(query=whole, incomplete=body.truncated)


def _json(body: RawBody) -> BodyParameters:
    try:
        return BodyParameters(json=msgspec.json.decode(body.data))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return BodyParameters(incomplete=True)


def _multipart(body: RawBody, boundary: bytes) -> BodyParameters:
    """Return the complete fields of a body."""
    fields: list[tuple[str, str]] = []
    files: list[File] = []

    def on_field(field: Field) -> None:
        fields.append((_text(field.field_name), _text(field.value)))

    def on_file(file: File) -> None:
        fields.append((_text(file.field_name), FILE))
        files.append(file)

    # Some clients encode file names like RFC 5987, against RFC 7578, section 4.2.
    data = _EXTENDED_FILENAME.sub(rb"\1filename=", body.data)
    try:
        parser = FormParser("multipart/form-data", on_field, on_file, boundary=boundary)
        parser.write(data)
    except (FormParserError, ValueError):
        return BodyParameters(form=tuple(fields), incomplete=True)
    finally:
        # Not in on_file, because python-multipart before 0.0.33 uses the file once more.
        for file in files:
            file.close()
    return BodyParameters(form=tuple(fields), incomplete=body.truncated)


def _text(data: bytes | None) -> str:
    return "" if data is None else data.decode("utf-8", "replace")
