import json
import math
import subprocess
import sys
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.capture.multipart_body import FILE
from sqreen_mw.capture.request_body import (
    MAX_BODY_BYTES,
    BodyParameters,
    BodyTee,
    RawBody,
    body_parameters,
)
from sqreen_mw.protocol.limits import MAX_PARAMETERS
from tests.capture.test_request import described, names
from tests.support.strategies import json_values, texts

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"
TWO_PARTS = (
    b'--x\r\nContent-Disposition: form-data; name="coupon"\r\n\r\nSPRING\r\n'
    b'--x\r\nContent-Disposition: form-data; name="photo"; filename="me.png"\r\n'
    b"Content-Type: image/png\r\n\r\nsecret pixels\r\n--x--\r\n"
)


@given(st.lists(st.binary(max_size=9000), max_size=6))
def test_tee_keeps_the_first_bytes(parts: list[bytes]) -> None:
    """The first bytes of a body are kept, and a cut is marked."""
    tee = BodyTee()
    for part in parts:
        tee.feed(part)

    whole = b"".join(parts)
    assert tee.read() == whole[:MAX_BODY_BYTES]
    assert tee.truncated == (len(whole) > MAX_BODY_BYTES)


def test_tee_ignores_other_objects() -> None:
    """Objects that are not bytes, sent against the specification, are ignored."""
    tee = BodyTee()

    for part in ("text", None, 42, bytearray(b"ab"), memoryview(b"cd")):
        tee.feed(part)

    assert tee.read() == b"abcd"


@given(json_values)
def test_json_body(value: object) -> None:
    """A JSON body has the value that was encoded."""
    info = described(RawBody("application/json", json.dumps(value).encode(), truncated=False))

    if not isinstance(value, str):
        assert info.params.json == value or isinstance(value, dict | list)


@given(st.dictionaries(names, st.lists(texts, min_size=1, max_size=3), max_size=5))
def test_urlencoded_form(fields: dict[str, list[str]]) -> None:
    """An URL-encoded body has the fields that were encoded."""
    body = urlencode(fields, doseq=True).encode()

    assert set(described(RawBody(FORM, body, truncated=False)).params.form) == set(fields)


def test_multipart_form_contains_no_file_content() -> None:
    """Text fields have their values; of a file only the field name is captured."""
    info = described(RawBody(MULTIPART, TWO_PARTS, truncated=False))

    assert info.params.form == {"coupon": ["SPRING"], "photo": ["<file>"]}
    assert not info.truncated


def test_form_with_very_many_fields_is_truncated() -> None:
    """Only the first fields are kept, and the truncation is marked."""
    part = '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\n1\r\n'
    body = "".join(part.format(index) for index in range(MAX_PARAMETERS + 5)).encode() + b"--x--"

    info = described(RawBody(MULTIPART, body, truncated=False))

    assert len(info.params.form) == MAX_PARAMETERS
    assert info.truncated


@pytest.mark.parametrize(
    "named",
    [
        b"filename*=UTF-8''me.png",
        b"filename=\"m.png\"; filename*=UTF-8''me.png",
        b"filename* \t=UTF-8''me.png",
        b"filename *=UTF-8''me.png",
        b'FILENAME*0*="m"',
    ],
)
def test_file_with_extended_name_is_a_file(named: bytes) -> None:
    """A part with ``filename*`` (RFC 5987) is a file, and its content is not captured."""
    body = TWO_PARTS.replace(b'filename="me.png"', named)

    info = described(RawBody(MULTIPART, body, truncated=False))

    assert info.params == described(RawBody(MULTIPART, TWO_PARTS, truncated=False)).params
    assert FILE in repr(info)
    assert not info.truncated


@pytest.mark.parametrize("length", range(0, len(TWO_PARTS), 7))
def test_cut_multipart_body_has_complete_fields_only(length: int) -> None:
    """An incomplete field is left out, and the truncation is marked."""
    info = described(RawBody(MULTIPART, TWO_PARTS[:length], truncated=True))

    assert info.params.form.get("coupon", ["SPRING"]) == ["SPRING"]
    assert info.truncated


@pytest.mark.parametrize(
    ("content_type", "data", "truncated", "parameters"),
    [
        ("application/json; charset=utf-8", b'{"a":1}', False, BodyParameters(json={"a": 1})),
        ("application/problem+json", b"[]", False, BodyParameters(json=[])),
        ("application/json", b'{"a":', True, BodyParameters(incomplete=True)),
        ("application/json", b'{"a":1e999}', False, BodyParameters(json={"a": math.inf})),
        ("application/json", b'"\xff"', False, BodyParameters(incomplete=True)),
        ("application/json; charset=latin-1", b'["\xe9"]', False, BodyParameters(json=["é"])),
        ("application/json; charset=none", b'["\xe9"]', False, BodyParameters(incomplete=True)),
        ("application/json", b"1" * 5000, False, BodyParameters(incomplete=True)),
        ("application/json", b"42", False, BodyParameters(json=42)),
        ("text/plain", b"42", False, BodyParameters()),
        ("text/plain", b" [42]", False, BodyParameters(json=[42])),
        ("text/plain", b"[42", False, BodyParameters()),
        ("text/plain", b"[42", True, BodyParameters(incomplete=True)),
        ("text/plain", b"secret", True, BodyParameters()),
        ("application/octet-stream", b'{"a":1}', False, BodyParameters(json={"a": 1})),
        ("", b'\xef\xbb\xbf{"a":1}', False, BodyParameters(json={"a": 1})),
        (FORM, b'{"a":1}', False, BodyParameters(json={"a": 1})),
        (FORM, b"{a}=1&b=\xe9", False, BodyParameters(query=b"{a}=1&b=\xe9")),
        (FORM, b"a=1&b=\xe9", True, BodyParameters(query=b"a=1", incomplete=True)),
        ("application/json", b"[" * 20_000, False, BodyParameters(incomplete=True)),
        ("application/json", b"", False, BodyParameters()),
        (FORM.upper(), b"a=1&b=2", False, BodyParameters(query=b"a=1&b=2")),
        (FORM, b"a=1&b=4111", True, BodyParameters(query=b"a=1", incomplete=True)),
        ("multipart/form-data", TWO_PARTS, False, BodyParameters(incomplete=True)),
        (MULTIPART, b"garbage", False, BodyParameters(incomplete=True)),
        ("text/plain", b"secret", False, BodyParameters()),
        ("", b"secret", False, BodyParameters()),
    ],
)
def test_content_type_selects_the_parser(
    content_type: str, data: bytes, *, truncated: bool, parameters: BodyParameters
) -> None:
    """Each content type has its parser; an unreadable body is incomplete."""
    assert body_parameters(RawBody(content_type, data, truncated)) == parameters


@given(st.sampled_from([FORM, MULTIPART, "application/json", "x"]), st.binary(max_size=300))
def test_any_body_is_accepted(content_type: str, data: bytes) -> None:
    """No body raises an error."""
    described(RawBody(content_type, data, truncated=False))


@given(st.text(max_size=60))
def test_any_content_type_is_accepted(content_type: str) -> None:
    """No content type raises an error."""
    described(RawBody(content_type, TWO_PARTS, truncated=False))


def test_malformed_body_is_not_logged_to_stderr() -> None:
    """An app without logging configuration sees no line of the multipart parser."""
    code = (
        "from sqreen_mw.capture.request_body import RawBody, body_parameters\n"
        "found = body_parameters(RawBody('multipart/form-data; boundary=x', b'--y--', False))\n"
        "assert found.incomplete"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")
