import gc
import io
import weakref
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest
from flask import Flask, request, stream_with_context
from werkzeug.middleware.proxy_fix import ProxyFix

import sqreen_mw as sqreen
from sqreen_mw.agent.context import current_request
from sqreen_mw.agent.requests.wsgi import Environ, WSGIRequestContext
from sqreen_mw.middleware.wsgi import SqreenWSGIMiddleware, StartResponse
from sqreen_mw.protocol.event import Event, Params

PROXIED = {"REMOTE_ADDR": "127.0.0.1"}


def delivered(memory: list[Event]) -> dict[str, Event]:
    """Flush, and return the events by name."""
    assert sqreen.flush()
    return {event.name: event for event in memory}


def environ_of(**changes: Any) -> Environ:
    """Return the environ of a plain request."""
    environ: Environ = {"REMOTE_ADDR": "203.0.113.9", **changes}
    setup_testing_defaults(environ)
    return environ


def start_response(*_: Any) -> Any:
    """Accept the status and headers."""
    return lambda _: None


def ok(start: StartResponse) -> None:
    """Start a response."""
    start("200 OK", [("Content-Type", "text/plain")])


def test_event_describes_its_request(memory: list[Event]) -> None:
    """The event contains address, user agent, path, verb, parameters, host and route."""
    app = Flask(__name__)
    app.wsgi_app = SqreenWSGIMiddleware(app.wsgi_app)  # type: ignore[method-assign]

    @app.post("/items/<int:item_id>")
    def item(item_id: int) -> str:
        request.environ["sqreen.request"].track("item.bought", properties={"id": item_id})
        return "ok"

    app.test_client().post(
        "/items/7?coupon=SPR%C3%84NG&tag=a&tag=b",
        headers={"User-Agent": "curl/8", "Host": "shop.test"},
        environ_base={"REMOTE_ADDR": "203.0.113.9"},
    )

    described = delivered(memory)["item.bought"].request
    assert described is not None
    assert (described.ip, described.ip_source) == ("203.0.113.9", "peer")
    assert (described.verb, described.path, described.route) == (
        "POST",
        "/items/7",
        "/items/<int:item_id>",
    )
    assert (described.user_agent, described.host) == ("curl/8", "shop.test")
    assert described.params == Params(
        query={"coupon": ["SPRÄNG"], "tag": ["a", "b"]}, path={"item_id": "7"}
    )


def test_module_calls_use_the_current_request(memory: list[Event]) -> None:
    """Views, streaming bodies and teardown functions share the request."""
    app = Flask(__name__)
    app.wsgi_app = SqreenWSGIMiddleware(app.wsgi_app)  # type: ignore[method-assign]

    @app.get("/é")
    def view() -> Iterator[str]:
        def body() -> Iterator[str]:
            sqreen.track("body")
            yield "x"

        sqreen.track("view")
        return stream_with_context(body())

    @app.teardown_request
    def teardown(_: BaseException | None) -> None:
        sqreen.track("teardown")

    assert app.test_client().get("/é").data == b"x"

    events = delivered(memory)
    assert {name: e.request and e.request.path for name, e in events.items()} == {
        "view": "/é",
        "body": "/é",
        "teardown": "/é",
    }
    assert current_request() is None


def test_header_of_a_trusted_proxy_is_used(memory: list[Event]) -> None:
    """The rightmost untrusted address counts, even if another middleware changes the environ."""

    def app(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        sqreen.track(environ["REMOTE_ADDR"])
        ok(start)
        return []

    wrapped = SqreenWSGIMiddleware(ProxyFix(app))
    environ = environ_of(**PROXIED, HTTP_X_FORWARDED_FOR="8.8.8.8, 203.0.113.9")
    wrapped(environ, start_response)

    [event] = delivered(memory).values()
    assert event.name == "203.0.113.9"
    assert event.request is not None
    assert (event.request.ip, event.request.ip_source) == ("203.0.113.9", "proxy")


def test_missing_environ_values_are_unknown(memory: list[Event]) -> None:
    """A server may omit values; the others are still reported."""

    def app(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        sqreen.track(environ["name"])
        ok(start)
        return []

    whole = {"QUERY_STRING": "a=1", "HTTP_HOST": "shop.test", "HTTP_USER_AGENT": "curl/8"}
    lacking = {name: value for name, value in whole.items() if name != "HTTP_USER_AGENT"}
    for environ in (environ_of(**whole, name="whole"), environ_of(**lacking, name="lacking")):
        SqreenWSGIMiddleware(app)(environ, start_response)

    described = {name: event.request for name, event in delivered(memory).items()}
    assert described["whole"] is not None
    assert described["lacking"] is not None
    assert (described["whole"].user_agent, described["lacking"].user_agent) == ("curl/8", None)
    for each in (described["whole"], described["lacking"]):
        assert (each.verb, each.ip, each.host) == ("GET", "203.0.113.9", "shop.test")
        assert each.params == Params(query={"a": ["1"]})


def test_configured_header_is_read(memory: list[Event]) -> None:
    """SQREEN_IP_HEADER names a header of the environ."""

    def app(_: Environ, start: StartResponse) -> Iterable[bytes]:
        sqreen.track("x")
        ok(start)
        return []

    wrapped = SqreenWSGIMiddleware(app, ip_header="CF-Connecting-IP")
    wrapped(environ_of(**PROXIED, HTTP_CF_CONNECTING_IP="203.0.113.9"), start_response)

    described = delivered(memory)["x"].request
    assert described is not None
    assert (described.ip, described.ip_source) == ("203.0.113.9", "header")


@pytest.mark.parametrize("make", [list, tuple, lambda parts: FileWrapper(io.BytesIO(parts[0]))])
def test_lists_and_files_are_not_wrapped(memory: list[Event], make: Any) -> None:
    """Lists, tuples and file wrappers reach the server as the same object."""
    body = make([b"x"])

    def app(_: Environ, start: StartResponse) -> Iterable[bytes]:
        sqreen.track("x")
        ok(start)
        return body  # type: ignore[no-any-return]  # whatever was made

    environ = environ_of(**{"wsgi.file_wrapper": FileWrapper})

    assert SqreenWSGIMiddleware(app)(environ, start_response) is body
    assert not environ["sqreen.request"].defers_events
    assert "x" in delivered(memory)


class RecordingBody:
    """A body that records its calls."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def __iter__(self) -> Iterator[bytes]:
        self.done.append("iter")
        for part in (b"a", b"b"):
            sqreen.track("step")
            self.done.append("next")
            yield part

    def close(self) -> None:
        """Close."""
        sqreen.track("close")
        self.done.append("close")


def test_iterators_run_with_their_request(memory: list[Event]) -> None:
    """An iterator runs with its request, one item per call, and is closed once."""
    steps = RecordingBody()

    def app(_: Environ, start: StartResponse) -> Iterable[bytes]:
        ok(start)
        return steps

    environ = environ_of()
    body: Any = SqreenWSGIMiddleware(app)(environ, start_response)
    assert steps.done == []
    iterator = iter(body)
    assert next(iterator) == b"a"
    assert steps.done == ["iter", "next"]
    assert current_request() is None
    assert [*iterator] == [b"b"]
    assert environ["sqreen.request"].defers_events
    body.close()

    assert steps.done == ["iter", "next", "next", "close"]
    assert not environ["sqreen.request"].defers_events
    assert sqreen.flush()
    assert [(event.name, event.request is not None) for event in memory] == [
        ("step", True),
        ("step", True),
        ("close", True),
    ]


def test_iterator_without_iter_or_close_works() -> None:
    """A server may call next() without iter(), and a body may have no close()."""

    def app(_: Environ, start: StartResponse) -> Iterable[bytes]:
        ok(start)
        return iter([b"x"])

    body: Any = SqreenWSGIMiddleware(app)(environ_of(), start_response)

    assert next(body) == b"x"
    body.close()


class Generated:
    """An app that returns a generator, and records its end."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
        self.seen: list[object] = []
        self.answer: Any = None

    def __call__(self, _: Environ, start: StartResponse) -> Iterable[bytes]:
        """Return a generator that has not started."""
        ok(start)
        self.answer = self.steps()
        return self.answer  # type: ignore[no-any-return]  # a generator

    def steps(self) -> Iterator[bytes]:
        """Yield twice, and clean up."""
        try:
            yield b"a"
            if self.error is not None:
                raise self.error
            yield b"b"
        finally:
            self.seen.append(current_request())


def served(app: Generated, steps: int) -> Environ:
    """Read some items of a response, close it, and return the environ."""
    environ = environ_of()
    answer: Any = SqreenWSGIMiddleware(app)(environ, start_response)
    assert iter(answer) is answer
    assert environ["sqreen.request"].defers_events
    for _ in range(steps):
        with suppress(StopIteration):
            next(answer)
        assert current_request() is None
    answer.close()
    answer.close()
    return environ


@pytest.mark.parametrize(("steps", "cleans_up"), [(0, False), (1, True), (2, True), (3, True)])
def test_request_ends_with_its_generator(steps: int, *, cleans_up: bool) -> None:
    """A closed generator cleans up with its request, which then ends."""
    app = Generated()

    environ = served(app, steps)

    assert app.seen == ([environ["sqreen.request"]] if cleans_up else [])
    assert app.answer.gi_frame is None
    assert current_request() is None
    assert not environ["sqreen.request"].defers_events


@pytest.mark.parametrize("error", [ValueError("the app's"), GeneratorExit("the app's")])
def test_exception_of_a_generator_passes_unchanged(error: BaseException) -> None:
    """An exception of the generator is not changed, and ends the request."""
    app = Generated(error)
    environ = environ_of()
    answer: Any = SqreenWSGIMiddleware(app)(environ, start_response)
    assert next(answer) == b"a"

    with pytest.raises(type(error), match="the app's") as raised:
        next(answer)

    assert raised.value is error
    assert error.__context__ is None
    assert app.seen == [environ["sqreen.request"]]
    assert current_request() is None
    assert not environ["sqreen.request"].defers_events


def test_results_of_a_file_wrapper_function_are_not_wrapped() -> None:
    """A file wrapper may be a function, whose results have any type."""

    def wrapper(file: io.BytesIO) -> Iterator[bytes]:
        yield file.read()

    def app(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        ok(start)
        answers.append(environ["wsgi.file_wrapper"](io.BytesIO(b"x")))
        return answers[0]

    answers: list[Iterable[bytes]] = []
    environ = environ_of(**{"wsgi.file_wrapper": wrapper})

    assert SqreenWSGIMiddleware(app)(environ, start_response) is answers[0]


def test_exception_passes_unchanged(memory: list[Event]) -> None:
    """The middleware does not change an exception of the app, and the event is kept."""
    error = ValueError("the app's")

    def app(_: Environ, __: StartResponse) -> Iterable[bytes]:
        sqreen.track("before")
        raise error

    environ = environ_of()
    with pytest.raises(ValueError, match="the app's") as raised:
        SqreenWSGIMiddleware(app)(environ, start_response)

    assert raised.value is error
    assert not environ["sqreen.request"].defers_events
    assert "before" in delivered(memory)


def test_wsgiref_validator_accepts_the_responses(memory: list[Event]) -> None:
    """The validator of the standard library acts as the server."""

    def app(_: Environ, start: StartResponse) -> Iterable[bytes]:
        sqreen.track("x")
        ok(start)
        return iter([b"x"])

    wrapped: Any = validator(SqreenWSGIMiddleware(app))
    environ = environ_of()
    environ["QUERY_STRING"] = ""
    body = wrapped(environ, lambda *_: lambda _: None)

    assert [*body] == [b"x"]
    body.close()
    assert "x" in delivered(memory)


def test_second_middleware_shares_the_context(memory: list[Event]) -> None:
    """With two middlewares, a request has one context and its event arrives once."""

    def app(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        environ["sqreen.request"].track("x")
        ok(start)
        return []

    SqreenWSGIMiddleware(SqreenWSGIMiddleware(app))(environ_of(), start_response)

    assert sqreen.flush()
    assert len(memory) == 1


def test_task_can_track_after_its_request(memory: list[Event]) -> None:
    """The context still describes the request after the environ was released."""

    def app(_: Environ, start: StartResponse) -> Iterable[bytes]:
        ok(start)
        return []

    environ = environ_of(PATH_INFO="/late", SCRIPT_NAME="/mounted")
    SqreenWSGIMiddleware(app)(environ, start_response)
    context: WSGIRequestContext = environ["sqreen.request"]
    context.track("late")

    described = delivered(memory)["late"].request
    assert described is not None
    assert described.path == "/mounted/late"


def test_environ_is_released_when_the_request_ends(memory: list[Event]) -> None:
    """The request is in no reference cycle of ours, so no garbage collection is needed."""

    class Marked(dict[str, Any]):
        """An environ that can be watched."""

    def app(_: Environ, start: StartResponse) -> Iterable[bytes]:
        sqreen.track("x")
        ok(start)
        return []

    middleware = SqreenWSGIMiddleware(app)
    gc.disable()
    try:
        environ = Marked(environ_of())
        reference = weakref.ref(environ)
        middleware(environ, start_response)
        del environ
        assert reference() is None
    finally:
        gc.enable()
    assert "x" in delivered(memory)


def test_ignored_paths_can_be_non_ascii(memory: list[Event]) -> None:
    """The environ's path is decoded as UTF-8 before it is compared."""

    def app(environ: Environ, start: StartResponse) -> list[bytes]:
        environ["sqreen.request"].track("x")
        ok(start)
        return [b"ok"]

    wrapped = SqreenWSGIMiddleware(app, ignore_paths="/santé")
    path = "/santé".encode().decode("latin-1")

    assert list(wrapped(environ_of(PATH_INFO=path), start_response)) == [b"ok"]
    assert list(wrapped(environ_of(SCRIPT_NAME=path[:3], PATH_INFO=path[3:]), start_response))
    assert delivered(memory) == {}


def test_rejected_status_is_not_reported(memory: list[Event]) -> None:
    """A second start_response fails after the first data was sent; its status is ignored."""

    def app(environ: Environ, start: StartResponse) -> list[bytes]:
        ok(start)
        with suppress(ValueError):
            start("500 Oh", [], (None, None, None))
        environ["sqreen.request"].track("x")
        return [b"ok"]

    def start_response(_: str, __: object, error: object = None) -> Any:
        if error is not None:
            raise ValueError("the headers are sent")
        return lambda _: None

    assert list(SqreenWSGIMiddleware(app)(environ_of(), start_response)) == [b"ok"]
    described = delivered(memory)["x"].request
    assert described is not None
    assert described.status == 200
