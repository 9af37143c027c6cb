"""Reads the fields of a multipart form like the frameworks do.

A preamble, an epilogue, other line endings and parts without a name are accepted, because at least
one framework accepts each. Frameworks decode values differently, so each has its dialect.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from email.message import Message
from email.parser import HeaderParser
from email.utils import collapse_rfc2231_value
from typing import Any, Final, NamedTuple

from sqreen_mw.protocol.limits import MAX_PARAMETERS

FILE: Final = "<file>"
"""The value of an uploaded file; its content is never captured."""

_LINE: Final = rb"(?:\r\n|\n|\r)"
_FIRST_LINE: Final = re.compile(r"\A(?:\r\n|\n|\r)")
_DISPOSITION: Final = "content-disposition"
_PART_CHARSETS: Final = frozenset({"ascii", "us-ascii", "utf-8", "iso-8859-1"})


class Dialect(NamedTuple):
    """How a framework decodes values.

    Attributes:
        reads_part_charset: The charset is that of the part, and not of the whole body.
        falls_back: Values that are not valid in their charset are Latin-1.
        decodes_base64: ``Content-Transfer-Encoding: base64`` has an effect.
    """

    reads_part_charset: bool = False
    falls_back: bool = False
    decodes_base64: bool = False


WERKZEUG: Final = Dialect(reads_part_charset=True)
STARLETTE: Final = Dialect(falls_back=True)
DJANGO: Final = Dialect(decodes_base64=True)


class Form(NamedTuple):
    """The fields of a body, and whether its end was found."""

    fields: tuple[tuple[str, str], ...]
    is_complete: bool


def multipart_form(data: bytes, *, boundary: bytes, charset: str, dialect: Dialect) -> Form:
    """Return the complete fields of a body, with ``FILE`` for the content of files."""
    fields: list[tuple[str, str]] = []
    for part in _parts(data, boundary):
        if part is None:
            return Form(tuple(fields), is_complete=True)
        field = _field(part, charset, dialect)
        if field is not None:
            fields.append(field)
        if len(fields) > MAX_PARAMETERS:
            break
    return Form(tuple(fields), is_complete=False)


def _parts(data: bytes, boundary: bytes) -> Iterator[bytes | None]:
    """Yield the parts that end with a boundary, and None at the last one, where reading ends."""
    delimiter = re.compile(
        rb"(?:^|%b)--%b(--)?[ \t]*(?:(?=%b)|$)" % (_LINE, re.escape(boundary), _LINE)
    )
    start: int | None = None
    for found in delimiter.finditer(data):
        if start is not None:
            yield data[start : found.start()]
        if found[1]:
            yield None
        start = found.end()


def _field(part: bytes, charset: str, dialect: Dialect) -> tuple[str, str] | None:
    """Return the name and the value of a part, or None if it has no name."""
    # Latin-1 keeps each byte, so that names and contents can be encoded again.
    message = HeaderParser().parsestr(_FIRST_LINE.sub("", part.decode("latin-1")))
    parameters = dict(reversed(message.get_params([], header=_DISPOSITION)))
    name: Any = parameters.get("name")
    if name is None:
        return None
    if dialect.reads_part_charset:
        given = message.get_content_charset()
        charset = given if given in _PART_CHARSETS else "utf-8"
    if isinstance(name, tuple):
        name = collapse_rfc2231_value(name)
    else:
        name = _decoded(name.encode("latin-1"), charset, dialect)
    # Some clients encode names of files like RFC 5987, against RFC 7578, section 4.2.
    if any(parameter.lower().startswith("filename") for parameter in parameters):
        return name, FILE
    return name, _decoded(_content(message, dialect), charset, dialect)


def _content(message: Message, dialect: Dialect) -> bytes:
    content = str(message.get_payload()).encode("latin-1")
    encoding = str(message.get("content-transfer-encoding", "")).strip().lower()
    if dialect.decodes_base64 and encoding == "base64":
        try:
            return base64.b64decode(content)
        except binascii.Error:
            return content
    return content


def _decoded(data: bytes, charset: str, dialect: Dialect) -> str:
    try:
        return data.decode(charset, "strict" if dialect.falls_back else "replace")
    except (UnicodeDecodeError, LookupError):
        return data.decode("latin-1") if dialect.falls_back else data.decode("utf-8", "replace")
