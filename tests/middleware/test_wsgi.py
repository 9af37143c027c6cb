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
    """Flush, and return what arrived by name."""
    assert sqreen.flush()
    return {event.name: event for event in memory}


def environ_of(**changes: Any) -> Environ:
    """Return the environ of a plain request."""
    environ: Environ = {"REMOTE_ADDR": "203.0.113.9", **changes}
    setup_testing_defaults(environ)
    return environ


def start_response(*_: Any) -> Any:
    """Take an answer's head."""
    return lambda _: None


def ok(start: StartResponse) -> None:
    """Begin an answer."""
    start("200 OK", [("Content-Type", "text/plain")])


def test_an_event_tells_of_its_request(memory: list[Event]) -> None:
    """Address, agent, path, verb, parameters, host and route of the request are on the event."""
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

    told = delivered(memory)["item.bought"].request
    assert told is not None
    assert (told.ip, told.ip_source) == ("203.0.113.9", "peer")
    assert (told.verb, told.path, told.route) == ("POST", "/items/7", "/items/<int:item_id>")
    assert (told.user_agent, told.host) == ("curl/8", "shop.test")
    assert told.params == Params(
        query={"coupon": ["SPRÄNG"], "tag": ["a", "b"]}, path={"item_id": "7"}
    )


def test_module_level_calls_find_the_request(memory: list[Event]) -> None:
    """Views, streaming bodies and teardown functions see their request."""
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


def test_the_proxys_header_is_taken_from_a_trusted_peer(memory: list[Event]) -> None:
    """The rightmost untrusted address counts, whatever other middlewares make of it."""

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


def test_a_whole_environ_is_told_as_one_that_lacks_values(memory: list[Event]) -> None:
    """What a server leaves out is unknown, and hides nothing of the rest."""

    def app(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        sqreen.track(environ["name"])
        ok(start)
        return []

    whole = {"QUERY_STRING": "a=1", "HTTP_HOST": "shop.test", "HTTP_USER_AGENT": "curl/8"}
    lacking = {name: value for name, value in whole.items() if name != "HTTP_USER_AGENT"}
    for environ in (environ_of(**whole, name="whole"), environ_of(**lacking, name="lacking")):
        SqreenWSGIMiddleware(app)(environ, start_response)

    told = {name: event.request for name, event in delivered(memory).items()}
    assert told["whole"] is not None
    assert told["lacking"] is not None
    assert (told["whole"].user_agent, told["lacking"].user_agent) == ("curl/8", None)
    for each in (told["whole"], told["lacking"]):
        assert (each.verb, each.ip, each.host) == ("GET", "203.0.113.9", "shop.test")
        assert each.params == Params(query={"a": ["1"]})


def test_a_named_header_is_read(memory: list[Event]) -> None:
    """SQREEN_IP_HEADER is looked up in the environ."""

    def app(_: Environ, start: StartResponse) -> Iterable[bytes]:
        sqreen.track("x")
        ok(start)
        return []

    wrapped = SqreenWSGIMiddleware(app, ip_header="CF-Connecting-IP")
    wrapped(environ_of(**PROXIED, HTTP_CF_CONNECTING_IP="203.0.113.9"), start_response)

    told = delivered(memory)["x"].request
    assert told is not None
    assert (told.ip, told.ip_source) == ("203.0.113.9", "header")


@pytest.mark.parametrize("make", [list, tuple, lambda parts: FileWrapper(io.BytesIO(parts[0]))])
def test_answers_that_servers_look_into_are_handed_on(memory: list[Event], make: Any) -> None:
    """Lists, tuples and file wrappers reach the server as the very object."""
    body = make([b"x"])

    def app(_: Environ, start: StartResponse) -> Iterable[bytes]:
        sqreen.track("x")
        ok(start)
        return body  # type: ignore[no-any-return]  # whatever was made

    environ = environ_of(**{"wsgi.file_wrapper": FileWrapper})

    assert SqreenWSGIMiddleware(app)(environ, start_response) is body
    assert not environ["sqreen.request"].defers_events
    assert "x" in delivered(memory)


class Steps:
    """A body that tells what is done with it."""

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


def test_other_answers_see_their_request_at_each_step(memory: list[Event]) -> None:
    """A generator runs with its request, one step a call, and is closed once."""
    steps = Steps()

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


def test_an_answer_without_iter_or_close_works() -> None:
    """A server that steps without asking for an iterator, and a body without close, are fine."""

    def app(_: Environ, start: StartResponse) -> Iterable[bytes]:
        ok(start)
        return iter([b"x"])

    body: Any = SqreenWSGIMiddleware(app)(environ_of(), start_response)

    assert next(body) == b"x"
    body.close()


class Generated:
    """An application that answers with a generator, and knows what became of it."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
        self.seen: list[object] = []
        self.answer: Any = None

    def __call__(self, _: Environ, start: StartResponse) -> Iterable[bytes]:
        """Answer with a generator that nobody has stepped through."""
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
    """Step through an answer, close it, and return the environ."""
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
def test_a_generators_request_ends_with_it(steps: int, *, cleans_up: bool) -> None:
    """Wherever it is closed, a generator cleans up as the request's, which is over then."""
    app = Generated()

    environ = served(app, steps)

    assert app.seen == ([environ["sqreen.request"]] if cleans_up else [])
    assert app.answer.gi_frame is None
    assert current_request() is None
    assert not environ["sqreen.request"].defers_events


@pytest.mark.parametrize("error", [ValueError("the app's"), GeneratorExit("the app's")])
def test_a_generators_exception_passes_unchanged(error: BaseException) -> None:
    """What a step raises leaves it as it came, and the request is over."""
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


def test_a_generator_of_the_servers_file_wrapper_is_handed_on() -> None:
    """A wrapper that is a function gets its answers back as they are, whatever they are."""

    def wrapper(file: io.BytesIO) -> Iterator[bytes]:
        yield file.read()

    def app(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        ok(start)
        answers.append(environ["wsgi.file_wrapper"](io.BytesIO(b"x")))
        return answers[0]

    answers: list[Iterable[bytes]] = []
    environ = environ_of(**{"wsgi.file_wrapper": wrapper})

    assert SqreenWSGIMiddleware(app)(environ, start_response) is answers[0]


def test_an_exception_passes_unchanged(memory: list[Event]) -> None:
    """The app's exception leaves the middleware as it came, and the event is kept."""
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


def test_the_servers_side_follows_the_specification(memory: list[Event]) -> None:
    """The standard library's validator finds no fault with what a server sees."""

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


def test_a_second_middleware_shares_the_context(memory: list[Event]) -> None:
    """Wrapped twice, a request has one context, and its event arrives once."""

    def app(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        environ["sqreen.request"].track("x")
        ok(start)
        return []

    SqreenWSGIMiddleware(SqreenWSGIMiddleware(app))(environ_of(), start_response)

    assert sqreen.flush()
    assert len(memory) == 1


def test_a_task_that_outlives_its_request_still_tracks(memory: list[Event]) -> None:
    """After the request the context tells of it, though the environ is gone."""

    def app(_: Environ, start: StartResponse) -> Iterable[bytes]:
        ok(start)
        return []

    environ = environ_of(PATH_INFO="/late", SCRIPT_NAME="/mounted")
    SqreenWSGIMiddleware(app)(environ, start_response)
    context: WSGIRequestContext = environ["sqreen.request"]
    context.track("late")

    told = delivered(memory)["late"].request
    assert told is not None
    assert told.path == "/mounted/late"


def test_the_environ_is_free_when_the_request_ends(memory: list[Event]) -> None:
    """No reference cycle of ours outlives a request: it dies without a collection."""

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


def test_ignored_paths_may_be_of_any_script(memory: list[Event]) -> None:
    """The environ's bytes are read as what they are, UTF-8, before paths are compared."""

    def app(environ: Environ, start: StartResponse) -> list[bytes]:
        environ["sqreen.request"].track("x")
        ok(start)
        return [b"ok"]

    wrapped = SqreenWSGIMiddleware(app, ignore_paths="/santé")
    path = "/santé".encode().decode("latin-1")

    assert list(wrapped(environ_of(PATH_INFO=path), start_response)) == [b"ok"]
    assert list(wrapped(environ_of(SCRIPT_NAME=path[:3], PATH_INFO=path[3:]), start_response))
    assert delivered(memory) == {}


def test_a_status_that_the_server_rejects_is_not_told(memory: list[Event]) -> None:
    """Where the first answer is on its way already, the second's status is not the response's."""

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
    told = delivered(memory)["x"].request
    assert told is not None
    assert told.status == 200
