"""How WSGI applications may behave: each does one thing that a middleware could spoil."""

# ruff: noqa: ARG001 what WSGI calls with two arguments needs few of them

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
    """Put an application into the table, under its name."""
    APPS[getattr(app, "__name__", "")] = app
    return app


def named(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Behave as the path's first part says."""
    sqreen.track("behaves", properties={"path": environ["PATH_INFO"]})
    return APPS[environ["PATH_INFO"].split("/")[1]](environ, start)


def ok(start: StartResponse, *headers: tuple[str, str]) -> Any:
    """Begin an answer."""
    return start("200 OK", [("Content-Type", "text/plain"), *headers])


@behaviour
def plain(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Answer with a list of one part, which servers give a length."""
    ok(start)
    return [b"hello"]


@behaviour
def several(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Answer with a tuple of parts, an empty one among them."""
    ok(start, LENGTH)
    return (b"he", b"", b"llo")


@behaviour
def empty(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Answer with no part at all."""
    ok(start)
    return []


@behaviour
def bare_bytes(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Answer with bytes, whose parts are numbers."""
    ok(start, LENGTH)
    return b"hello"  # type: ignore[return-value]  # wrong on purpose


@behaviour
def streams(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Answer from a generator."""

    def parts() -> Iterator[bytes]:
        for part in (b"a", b"", b"b" * 70_000):
            sqreen.track("part")
            yield part

    ok(start)
    return parts()


@behaviour
def starts_late(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Begin the answer from within the generator: nothing runs before the first step."""
    ok(start, LENGTH)
    yield b"hello"


@behaviour
def exact_iterator(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Answer with an iterator that has no ``close``."""
    ok(start, LENGTH)
    return iter([b"hel", b"lo"])


class Closing:
    """A body that is told when it is no longer needed."""

    def __init__(self, *parts: bytes, fails: bool = False) -> None:
        self._parts = parts
        self._fails = fails

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._parts)

    def close(self) -> None:
        """Work after the answer."""
        sqreen.track("closed")
        APP.set("closed")
        if self._fails:
            raise ValueError("close")


@behaviour
def closes(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Answer with what is to be closed."""
    ok(start, LENGTH)
    return Closing(b"hello")


@behaviour
def fails_closing(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Raise when the answer is over."""
    ok(start, LENGTH)
    return Closing(b"hello", fails=True)


class ByIndex:
    """A body that is gone through by the old sequence protocol."""

    def __getitem__(self, index: int) -> bytes:
        return (b"hel", b"lo")[index]


@behaviour
def by_index(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Answer with what has no ``__iter__``."""
    ok(start, LENGTH)
    return ByIndex()  # type: ignore[return-value]  # iter() takes it


@behaviour
def sends_file(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Answer with a file, as the server likes it best."""
    ok(start, LENGTH)
    wrapper = environ.get("wsgi.file_wrapper")
    file = io.BytesIO(b"hello")
    answer: Iterable[bytes] = wrapper(file, 3) if wrapper else iter([file.read()])
    return answer


@behaviour
def sends_real_file(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Answer with a file of the disk, which servers may leave to the system."""
    file = open(__file__, "rb")  # noqa: SIM115, PTH123 the server closes it
    ok(start)
    wrapper = environ.get("wsgi.file_wrapper")
    answer: Iterable[bytes] = wrapper(file) if wrapper else file
    return answer


@behaviour
def writes(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Write, as old applications do, and answer with the rest."""
    write = ok(start, LENGTH)
    if write is None:  # granian has none
        return [b"hello"]
    write(b"hel")
    return [b"lo"]


@behaviour
def starts_again(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Take the first beginning back, as it fails."""
    ok(start)
    try:
        int("again")
    except ValueError:
        start("500 Sorry", [("Content-Type", "text/plain"), LENGTH], sys.exc_info())
    return [b"sorry"]


@behaviour
def starts_too_late(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Fail when a part is sent: the server raises what it is given."""
    ok(start)
    yield b"part"
    try:
        int("too late")
    except ValueError:
        start("500 Sorry", [], sys.exc_info())


@behaviour
def starts_twice(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Begin twice without a reason."""
    ok(start)
    ok(start)
    return [b"hello"]


@behaviour
def never_starts(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Answer without a beginning."""
    return [b"hello"]


@behaviour
def changes_headers(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Change the list of headers before the first part is asked for."""
    headers = [("Content-Type", "text/plain")]
    start("200 OK", headers)
    headers.append(("X-Late", "1"))
    yield b"hello"


@behaviour
def no_content(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Answer without a body."""
    start("204 No Content", [])
    return []


@behaviour
def not_modified(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Answer that the client has it."""
    start("304 Not Modified", [("ETag", '"x"')])
    return []


@behaviour
def fails_before(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Raise before the answer has begun, with a cause."""
    try:
        _ = dict[str, str]()["cause"]
    except KeyError as error:
        raise ValueError("before") from error
    return []


@behaviour
def fails_begun(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Raise when the status is said."""
    ok(start)
    raise ValueError("begun")


@behaviour
def fails_midway(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Raise between two parts."""
    ok(start)
    yield b"part"
    raise ValueError("midway")


@behaviour
def answers_none(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Forget to return."""
    ok(start)
    return None  # type: ignore[return-value]  # wrong on purpose


@behaviour
def answers_text(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Answer with text, which has to be bytes."""
    ok(start)
    return ["hello"]  # type: ignore[list-item]  # wrong on purpose


@behaviour
def sets_contextvars(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Answer with the caller's contextvar, and set one at each step."""
    APP.set("called")
    ok(start)

    def parts() -> Iterator[bytes]:
        for number in range(3):
            yield f"{CALLER.get('unset')} {APP.get('unset')} ".encode()
            APP.set(f"step {number}")

    return parts()


@behaviour
def until_disconnect(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Stream until the client is gone; the server then closes the body."""
    ok(start)
    try:
        yield b"first"
        while True:
            yield b"x" * 60_000
    finally:
        APP.set("gone")


def _length(environ: Environ) -> int:
    return int(environ.get("CONTENT_LENGTH") or 0)


def _told(start: StartResponse, parts: Iterable[object]) -> Iterable[bytes]:
    ok(start)
    return [repr([*parts]).encode()]


@behaviour
def reads_all(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Read the request's body whole."""
    source = environ["wsgi.input"]
    terminated = environ.get("wsgi.input_terminated")
    data = source.read() if terminated else source.read(_length(environ))
    return _told(start, [len(data)])


@behaviour
def reads_some(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Read a part of the request's body."""
    return _told(start, [environ["wsgi.input"].read(3), environ["wsgi.input"].read(0)])


@behaviour
def reads_late(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Read the request's body while answering."""
    ok(start)
    yield b"first "
    yield environ["wsgi.input"].read(_length(environ))


@behaviour
def reads_pieces(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Read the request's body two bytes at a time."""
    source = environ["wsgi.input"]
    parts = [source.read(2) for _ in range(_length(environ) // 2)]
    return _told(start, parts)


@behaviour
def reads_lines(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Read the request's body by lines, in the ways that there are."""
    source = environ["wsgi.input"]
    if not hasattr(source, "readline"):
        return _told(start, ["no lines"])
    return _told(start, [source.readline(), source.readlines(1), source.read(5)])


@behaviour
def reads_by_iteration(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Go through the request's body."""
    if not environ.get("wsgi.input_terminated"):  # it may wait for more after the last line
        return _told(start, [next(iter(environ["wsgi.input"]), b"none")])
    return _told(start, environ["wsgi.input"])


@behaviour
def reads_into(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Have the request's body read into a buffer, where the server knows how."""
    source = environ["wsgi.input"]
    if not hasattr(source, "readinto"):
        return _told(start, ["no readinto"])
    buffer = bytearray(_length(environ))
    return _told(start, [source.readinto(buffer), bytes(buffer)])


@behaviour
def reads_text(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Read the request's body as text, where it is a file in full."""
    source = environ["wsgi.input"]
    if not hasattr(source, "readable"):
        return _told(start, ["no file"])
    return _told(start, [io.TextIOWrapper(source, "utf-8").read()])


@behaviour
def reads_in_block(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Read the request's body within ``with``, where it is a file in full."""
    source = environ["wsgi.input"]
    if not hasattr(source, "__enter__"):
        return _told(start, ["no block"])
    with source:
        return _told(start, [source.read(3)])


@behaviour
def parses_form(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Answer with the form's fields, by Werkzeug."""
    from werkzeug.wrappers import Request, Response  # noqa: PLC0415 only this one needs it

    fields = sorted(Request(environ).form)
    sqreen.track("form", properties={"fields": len(fields)})
    return Response(",".join(fields))(environ, start)
