"""WSGI applications, each with one behaviour that a middleware could break."""

import io
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import sqreen_mw as sqreen
from tests.transparency.record import APP, CALLER
from tests.transparency.wsgi_tap import App, Environ, StartResponse

APPS: dict[str, App] = {}
LENGTH = ("Content-Length", "5")


def behaviour(app: App) -> App:
    """Add an application to the table, under its name."""
    APPS[getattr(app, "__name__", "")] = app
    return app


def named(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Call the application named by the first part of the path."""
    sqreen.track("behaves", properties={"path": environ["PATH_INFO"]})
    return APPS[environ["PATH_INFO"].split("/")[1]](environ, start)


def ok(start: StartResponse, *headers: tuple[str, str]) -> Any:
    """Start a response."""
    return start("200 OK", [("Content-Type", "text/plain"), *headers])


@behaviour
def plain(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Return a list of one part; servers add its length."""
    ok(start)
    return [b"hello"]


@behaviour
def several(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Return a tuple of parts; one is empty."""
    ok(start, LENGTH)
    return (b"he", b"", b"llo")


@behaviour
def empty(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Return no parts."""
    ok(start)
    return []


@behaviour
def bare_bytes(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Return bytes, so each part is a number."""
    ok(start, LENGTH)
    return b"hello"  # type: ignore[return-value]  # wrong on purpose


@behaviour
def streams(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Return a generator."""

    def parts() -> Iterator[bytes]:
        for part in (b"a", b"", b"b" * 70_000):
            sqreen.track("part")
            yield part

    ok(start)
    return parts()


@behaviour
def starts_late(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Start the response inside the generator, at the first step."""
    ok(start, LENGTH)
    yield b"hello"


@behaviour
def exact_iterator(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Return an iterator without ``close``."""
    ok(start, LENGTH)
    return iter([b"hel", b"lo"])


class Closing:
    """A body with ``close``."""

    def __init__(self, *parts: bytes, fails: bool = False) -> None:
        self._parts = parts
        self._fails = fails

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._parts)

    def close(self) -> None:
        """Track after the response."""
        sqreen.track("closed")
        APP.set("closed")
        if self._fails:
            raise ValueError("close")


@behaviour
def closes(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Return a body with ``close``."""
    ok(start, LENGTH)
    return Closing(b"hello")


@behaviour
def fails_closing(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Return a body that fails in ``close``."""
    ok(start, LENGTH)
    return Closing(b"hello", fails=True)


class ByIndex:
    """A body with the old sequence protocol."""

    def __getitem__(self, index: int) -> bytes:
        return (b"hel", b"lo")[index]


@behaviour
def by_index(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Return a body without ``__iter__``."""
    ok(start, LENGTH)
    return ByIndex()  # type: ignore[return-value]  # iter() takes it


@behaviour
def sends_file(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Return a file in the server's ``wsgi.file_wrapper``."""
    ok(start, LENGTH)
    wrapper = environ.get("wsgi.file_wrapper")
    file = io.BytesIO(b"hello")
    answer: Iterable[bytes] = wrapper(file, 3) if wrapper else iter([file.read()])
    return answer


@behaviour
def sends_real_file(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Return a real file; servers may use sendfile."""
    file = open(__file__, "rb")  # noqa: SIM115, PTH123 the server closes it
    ok(start)
    wrapper = environ.get("wsgi.file_wrapper")
    answer: Iterable[bytes] = wrapper(file) if wrapper else file
    return answer


@behaviour
def writes(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Use ``write()`` for a part, and return the rest."""
    write = ok(start, LENGTH)
    if write is None:  # granian has no write()
        return [b"hello"]
    write(b"hel")
    return [b"lo"]


@behaviour
def starts_again(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Replace the started response because of an error."""
    ok(start)
    try:
        int("again")
    except ValueError:
        start("500 Sorry", [("Content-Type", "text/plain"), LENGTH], sys.exc_info())
    return [b"sorry"]


@behaviour
def starts_too_late(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Fail after a part was sent; the server raises the error."""
    ok(start)
    yield b"part"
    try:
        int("too late")
    except ValueError:
        start("500 Sorry", [], sys.exc_info())


@behaviour
def starts_twice(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Start the response twice without an error."""
    ok(start)
    ok(start)
    return [b"hello"]


@behaviour
def never_starts(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Return a body without starting the response."""
    return [b"hello"]


@behaviour
def changes_headers(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Change the list of headers before the first part."""
    headers = [("Content-Type", "text/plain")]
    start("200 OK", headers)
    headers.append(("X-Late", "1"))
    yield b"hello"


@behaviour
def no_content(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Respond without a body."""
    start("204 No Content", [])
    return []


@behaviour
def not_modified(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Respond 304."""
    start("304 Not Modified", [("ETag", '"x"')])
    return []


@behaviour
def fails_before(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Raise an exception with a cause before the response starts."""
    try:
        _ = dict[str, str]()["cause"]
    except KeyError as error:
        raise ValueError("before") from error
    return []


@behaviour
def fails_begun(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Raise after starting the response."""
    ok(start)
    raise ValueError("begun")


@behaviour
def fails_midway(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Raise after the first part."""
    ok(start)
    yield b"part"
    raise ValueError("midway")


@behaviour
def answers_none(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Return None."""
    ok(start)
    return None  # type: ignore[return-value]  # wrong on purpose


@behaviour
def answers_text(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Return text instead of bytes."""
    ok(start)
    return ["hello"]  # type: ignore[list-item]  # wrong on purpose


@behaviour
def sets_contextvars(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Send the caller's contextvar, and set another one at each step."""
    APP.set("called")
    ok(start)

    def parts() -> Iterator[bytes]:
        for number in range(3):
            yield f"{CALLER.get('unset')} {APP.get('unset')} ".encode()
            APP.set(f"step {number}")

    return parts()


@behaviour
def until_disconnect(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Stream until the client disconnects; the server then closes the body."""
    ok(start)
    try:
        yield b"first"
        while True:
            yield b"x" * 60_000
    finally:
        APP.set("gone")


def _length(environ: Environ) -> int:
    return int(environ.get("CONTENT_LENGTH") or 0)


def _respond(start: StartResponse, parts: Iterable[object]) -> Iterable[bytes]:
    ok(start)
    return [repr([*parts]).encode()]


@behaviour
def reads_all(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Read the whole request body."""
    source = environ["wsgi.input"]
    terminated = environ.get("wsgi.input_terminated")
    data = source.read() if terminated else source.read(_length(environ))
    return _respond(start, [len(data)])


@behaviour
def reads_some(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Read a part of the request body."""
    return _respond(start, [environ["wsgi.input"].read(3), environ["wsgi.input"].read(0)])


@behaviour
def reads_late(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Read the request body during the response."""
    ok(start)
    yield b"first "
    yield environ["wsgi.input"].read(_length(environ))


@behaviour
def reads_pieces(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Read the request body two bytes at a time."""
    source = environ["wsgi.input"]
    parts = [source.read(2) for _ in range(_length(environ) // 2)]
    return _respond(start, parts)


@behaviour
def reads_lines(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Read the request body with ``readline`` and ``readlines``."""
    source = environ["wsgi.input"]
    if not hasattr(source, "readline"):
        return _respond(start, ["no lines"])
    return _respond(start, [source.readline(), source.readlines(1), source.read(5)])


@behaviour
def reads_by_iteration(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Iterate over the request body."""
    if not environ.get("wsgi.input_terminated"):  # it may block after the last line
        return _respond(start, [next(iter(environ["wsgi.input"]), b"none")])
    return _respond(start, environ["wsgi.input"])


@behaviour
def reads_into(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Read the request body into a buffer, if the server has ``readinto``."""
    source = environ["wsgi.input"]
    if not hasattr(source, "readinto"):
        return _respond(start, ["no readinto"])
    buffer = bytearray(_length(environ))
    return _respond(start, [source.readinto(buffer), bytes(buffer)])


@behaviour
def reads_text(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Read the request body as text, if it is a complete file object."""
    source = environ["wsgi.input"]
    if not hasattr(source, "readable"):
        return _respond(start, ["no file"])
    return _respond(start, [io.TextIOWrapper(source, "utf-8").read()])


@behaviour
def reads_in_block(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Read the request body in a ``with`` block, if it is a complete file object."""
    source = environ["wsgi.input"]
    if not hasattr(source, "__enter__"):
        return _respond(start, ["no block"])
    with source:
        return _respond(start, [source.read(3)])


@behaviour
def parses_form(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Respond with the names of the form fields, parsed by Werkzeug."""
    from werkzeug.wrappers import Request, Response  # noqa: PLC0415 only this one needs it

    fields = sorted(Request(environ).form)
    sqreen.track("form", properties={"fields": len(fields)})
    return Response(",".join(fields))(environ, start)
