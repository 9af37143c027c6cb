"""Events contain the same parameters of a body as the app reads with its framework."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask import request as flask_request
from starlette.requests import Request

import sqreen_mw as sqreen
from sqreen_mw.capture.multipart_body import FILE
from sqreen_mw.middleware.asgi import SqreenMiddleware
from sqreen_mw.middleware.flask import Sqreen
from sqreen_mw.protocol.event import Event
from tests.support.optional import need_module

site = need_module("tests.middleware.django_site.client", package="django")

MULTIPART = "multipart/form-data; boundary=x"
FORM = "application/x-www-form-urlencoded"
END = b"--x--\r\n"


def part(*headers: bytes, content: bytes = b"v", line: bytes = b"\r\n") -> bytes:
    """Return a part of a form, by default with the name ``a``."""
    names = b'Content-Disposition: form-data; name="a"'
    return line.join((b"--x", *(headers or (names,)), b"", content, b""))


def named(parameters: bytes, *more: bytes, content: bytes = b"v") -> bytes:
    """Return a form with a field whose disposition has these parameters."""
    return part(b"Content-Disposition: form-data; " + parameters, *more, content=content) + END


NAME = b'name="a"'
FORMS = {
    "plain": (MULTIPART, part() + END),
    "preamble": (MULTIPART, b"a preamble\r\n" + part() + END),
    "empty lines first": (MULTIPART, b"\r\n\r\n" + part() + END),
    "epilogue": (MULTIPART, part() + END + b"an epilogue\r\n"),
    "no line at the end": (MULTIPART, part() + b"--x--"),
    "lines of Unix": (MULTIPART, part(line=b"\n") + b"--x--\n"),
    "base64": (MULTIPART, named(NAME, b"Content-Transfer-Encoding: base64", content=b"c2VjcmV0")),
    "broken base64": (MULTIPART, named(NAME, b"Content-Transfer-Encoding: BASE64", content=b"a")),
    "quoted printable": (
        MULTIPART,
        named(NAME, b"Content-Transfer-Encoding: quoted-printable", content=b"a=3Db"),
    ),
    "charset of the body": (f"{MULTIPART}; charset=latin-1", named(NAME, content=b"\xe9")),
    "unknown charset": (f"{MULTIPART}; charset=none", named(NAME, content="é".encode())),
    "charset of the part": (
        MULTIPART,
        named(NAME, b"Content-Type: text/plain; charset=iso-8859-1", content=b"\xe9"),
    ),
    "unknown charset of the part": (
        MULTIPART,
        named(NAME, b"Content-Type: text/plain; charset=utf-16", content=b"\xff\xfee\0"),
    ),
    "invalid UTF-8": (MULTIPART, named(NAME, content=b"\xe9x")),
    "name without quotes": (MULTIPART, named(b"name=a")),
    "name of UTF-8": (MULTIPART, named('name="é"'.encode())),
    "extended name": (MULTIPART, named(b"name*=utf-8''%C3%A9")),
    "quote in the name": (MULTIPART, named(b'name="a\\"b"')),
    "semicolon in the name": (MULTIPART, named(b'name="a;b"')),
    "file": (MULTIPART, named(b'name="a"; filename="b.png"')),
    "folded header": (MULTIPART, named(b'\r\n name="a"')),
    "part without headers": (MULTIPART, b"--x\r\n\r\nv\r\n" + part() + END),
    "part without name": (MULTIPART, part(b"X: y") + part() + END),
    "blanks after the boundary": (MULTIPART, part().replace(b"--x", b"--x \t") + END),
    "boundary in the content": (MULTIPART, named(NAME, content=b"--xx\r\n-- x")),
    "quoted boundary": ('multipart/form-data; boundary="x"', part() + END),
    "no value": (MULTIPART, named(NAME, content=b"")),
    "no field": (MULTIPART, END),
    "form": (FORM, b"a=1&b=%C3%A9&c&a=2"),
    "semicolon": (FORM, b"a=1;b=2"),
    "broken escapes": (FORM, b"a=%zz&b=%"),
    "plus and empty": (FORM, b"&&a+b=c+d&e=&"),
    "other case": (FORM.title(), b"a=1"),
}
PLAIN = '{"email": "é@example.org"}'
JSON = "application/json"
BODIES = {
    "plain": (JSON, PLAIN.encode()),
    "byte order mark": (JSON, PLAIN.encode("utf-8-sig")),
    "UTF-16": (JSON, PLAIN.encode("utf-16")),
    "UTF-16 without mark": (JSON, PLAIN.encode("utf-16-be")),
    "UTF-32": (JSON, PLAIN.encode("utf-32")),
    "not a number": (JSON, b'{"email": "x", "a": [NaN, Infinity, -Infinity, 1e999]}'),
    "lone surrogates": (JSON, b'{"email": "x", "a": "\\ud800", "\\udfff": 1}'),
    "raw surrogates": (JSON, b'{"email": "\xed\xa0\x80"}'),
    "repeated name": (JSON, b'{"email": "x", "email": "y"}'),
    "long number": (JSON, b'{"email": 1234567890123456789012345678901234567890}'),
    "other JSON type": ("Application/CSP-Report+JSON; charset=utf-8", PLAIN.encode()),
    "beacon": ("text/plain;charset=UTF-8", PLAIN.encode()),
    "no type": ("", PLAIN.encode()),
    "curl": (FORM, PLAIN.encode()),
    "array": (JSON, b'\r\n [{"email": "x"}]'),
}


def by_flask(kind: str, body: bytes, *, as_json: bool) -> Any:
    """Return the values that a Flask app reads."""
    app = Flask(__name__)
    Sqreen(app)

    @app.post("/")
    def view() -> str:
        sqreen.track("read", collect_body=True)
        if as_json:
            return json.dumps(flask_request.get_json(force=True))
        files = {name: [FILE] for name in flask_request.files}
        return json.dumps({**flask_request.form.to_dict(flat=False), **files})

    return json.loads(app.test_client().post("/", data=body, content_type=kind or None).text)


def by_django(kind: str, body: bytes, *, as_json: bool) -> Any:
    """Return the values that a Django view reads."""

    def view(request: Any) -> Any:
        sqreen.track("read", collect_body=True)
        files: dict[str, Any] = {} if as_json else {name: [FILE] for name in request.FILES}
        read = json.loads(request.body) if as_json else {**dict(request.POST.lists()), **files}
        return site.HttpResponse(json.dumps(read))

    request = site.RequestFactory().generic("POST", "/", body, content_type=kind)
    return json.loads(site.SqreenMiddleware(view)(request).content)


def by_starlette(kind: str, body: bytes, *, as_json: bool) -> Any:
    """Return the values that a Starlette app reads."""
    read: list[Any] = []

    async def app(scope: Any, receive: Any, _: Any) -> None:
        sqreen.track("read", collect_body=True)
        request = Request(scope, receive)
        if as_json:
            read.append(await request.json())
            return
        async with request.form() as form:
            read.append(fields(form))

    async def receive() -> Any:
        return {"type": "http.request", "body": body}

    async def send(_: object) -> None:
        pass

    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/", "query_string": b""}
    headers = [(b"content-type", kind.encode())] if kind else []
    asyncio.run(SqreenMiddleware(app)({**scope, "headers": headers}, receive, send))
    return read[0]


def fields(form: Any) -> dict[str, list[str]]:
    """Return the values of a form by name."""
    found: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        found.setdefault(name, []).append(value if isinstance(value, str) else FILE)
    return found


FRAMEWORKS: dict[str, Callable[..., Any]] = {
    "flask": by_flask,
    "django": by_django,
    "starlette": by_starlette,
}
REFUSED = {
    "flask": {"part without name"},
    "django": {"lines of Unix", "folded header", "boundary in the content"},
    "starlette": {
        "preamble",
        "lines of Unix",
        "extended name",
        "folded header",
        "part without headers",
        "part without name",
        "blanks after the boundary",
    },
}
"""The forms that a framework does not read."""


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("form", FORMS)
def test_event_has_the_form_that_the_app_reads(
    memory: list[Event], framework: str, form: str
) -> None:
    """Names and values of a form are those of the framework, if it accepts the body."""
    if form in REFUSED[framework]:
        return
    read = FRAMEWORKS[framework](*FORMS[form], as_json=False)

    assert sqreen.flush()
    [event] = memory
    assert event.request is not None
    assert event.request.params.form == read
    assert not event.truncated


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("body", BODIES)
def test_event_has_the_json_that_the_app_reads(
    memory: list[Event], framework: str, body: str
) -> None:
    """JSON is read in each encoding and from each content type; other values become text."""
    read = FRAMEWORKS[framework](*BODIES[body], as_json=True)

    assert sqreen.flush()
    [event] = memory
    assert event.request is not None
    assert texts(event.request.params.json) == texts(read)
    assert not event.truncated


def texts(value: Any) -> Any:
    """Return JSON with texts instead of numbers, and without surrogates, like an event."""
    if isinstance(value, dict):
        return {texts(key): texts(each) for key, each in value.items()}
    if isinstance(value, list):
        return list(map(texts, value))
    return str(value).encode("utf-8", "replace").decode()
