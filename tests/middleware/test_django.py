import gc
import io
import json
import logging
import threading
import weakref
from typing import Any

import pytest

import sqreen_mw as sqreen
from sqreen_mw.agent.context import current_request
from sqreen_mw.errors import ConfigurationError
from sqreen_mw.protocol.event import Event, RequestInfo
from sqreen_mw.protocol.mask import MASK
from tests.support.optional import need_module

site = need_module("tests.middleware.django_site.client", package="django")

MODES = pytest.mark.parametrize("mode", ["wsgi", "asgi"])
STACKS = {
    "alone": [site.OURS],
    "around-sync": [site.OURS, site.SYNCHRONOUS],
    "around-async": [site.OURS, site.ASYNCHRONOUS],
    "below-sync": [site.SYNCHRONOUS, site.OURS],
    "below-async": [site.ASYNCHRONOUS, site.OURS],
    "twice": [site.OURS, site.OURS],
}


def delivered(memory: list[Event]) -> dict[str, Event]:
    """Flush, and return the events by name."""
    assert sqreen.flush()
    return {event.name: event for event in memory}


def described(memory: list[Event], name: str) -> RequestInfo:
    """Return the request of an event."""
    request = delivered(memory)[name].request
    assert request is not None
    return request


@MODES
def test_event_describes_its_request(memory: list[Event], mode: str) -> None:
    """The event contains address, user agent, path, route, verb, parameters and status."""
    fields = {"user-agent": "curl/8", "x-forwarded-for": "203.0.113.9"}
    answer = site.ask(mode, "/hello/jane/?tag=a&tag=b", headers=fields)

    assert answer == (200, b"ok")
    event = delivered(memory)["by.request"]
    request = described(memory, "by.request")
    assert event.properties == {"name": "jane"}
    assert (request.ip, request.ip_source) == ("203.0.113.9", "proxy")
    assert request.user_agent == "curl/8"
    assert (request.verb, request.path, request.status) == ("GET", "/hello/jane/", 200)
    assert request.route == "/hello/<str:name>/"
    assert request.params.path == {"name": "jane"}
    assert request.params.query == {"tag": ["a", "b"]}


@MODES
@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("view", ["hello", "async"])
def test_all_calls_use_the_request(memory: list[Event], mode: str, stack: str, view: str) -> None:
    """In any mix of modes, all calls use the same request and user."""
    assert site.ask(mode, f"/{view}/jane/", middleware=STACKS[stack]) == (200, b"ok")

    assert current_request() is None
    events = delivered(memory)
    outside = {"synchronous", "asynchronous"} if stack.startswith("below") else set()
    inside = [event for name, event in events.items() if name not in outside]
    assert len(events) == (4 if stack.startswith(("around", "below")) else 3)
    assert {event.user_identifiers["id"] for event in inside} == {"42"}
    assert len({event.request.id for event in inside if event.request}) == 1
    assert {event.request and event.request.route for event in inside} == {
        f"/{view}/<str:name>/",
    }


@pytest.mark.parametrize(
    ("path", "route", "parameters"),
    [
        ("/", "/", {}),
        ("/shop/items/7/", "/shop/items/<int:item>/", {"item": "7"}),
        ("/archive/2026/", "^archive/(?P<year>[0-9]{4})/$", {"year": "2026"}),
    ],
)
def test_route_is_the_pattern_of_django(
    memory: list[Event], path: str, route: str, parameters: dict[str, str]
) -> None:
    """Included patterns are joined, and regular expressions are not changed."""
    site.ask("wsgi", path)

    request = described(memory, "by.module")
    assert (request.route, request.params.path) == (route, parameters)


@pytest.mark.parametrize(
    ("path", "told_path", "parameters"),
    [
        ("/plain/hunter2/b/5/", f"/plain/{MASK}/b/5/", {"token": MASK, "id": "5"}),
        ("/plain/hunter2/r/5/", f"/plain/{MASK}/r/5/", {"token": MASK, "id": "5"}),
        ("/regex/hunter2/b/5/", f"/regex/{MASK}/b/5/", {"token": MASK, "id": "5"}),
        ("/regex/hunter2/r/5/", f"/regex/{MASK}/r/5/", {"token": MASK, "id": "5"}),
        ("/glued-pin/r/5/", MASK, {"token": MASK, "id": "5"}),
        ("/number/r/5/", MASK, {"id": "5"}),
        ("/typed/0042/b/5/", f"/typed/{MASK}/b/5/", {"token": MASK, "id": "5"}),
        ("/typed/0042/r/5/", MASK, {"token": MASK, "id": "5"}),
        ("/deep/7/pin/r/5/", f"/deep/7/{MASK}/r/5/", {"shop": "7", "token": MASK, "id": "5"}),
        ("/given/hunter2/b/5/", f"/given/{MASK}/b/5/", {"id": "5"}),
        ("/given/hunter2/r/5/", MASK, {"id": "5"}),
        ("/same/hunter2/same/hunter3/", MASK, {"token": MASK}),
    ],
)
@MODES
def test_secret_of_an_outer_pattern_is_masked(
    memory: list[Event], mode: str, path: str, told_path: str, parameters: dict[str, str]
) -> None:
    """The event contains the parameters of all nested patterns.

    A default of the app is not a parameter, but it may hide one. Then the position of the secret
    is unknown, unless the pattern contains it.
    """
    assert site.ask(mode, path)[0] == 200

    request = described(memory, "by.module")
    assert (request.path, request.params.path) == (told_path, parameters)
    assert request.route is not None
    assert "<token>" in request.route or "<int:token>" in request.route


@MODES
def test_error_responses_of_django_are_reported(
    memory: list[Event], mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The events of a failing view have the status 500."""
    with caplog.at_level(logging.CRITICAL):
        assert site.ask(mode, "/boom/")[0] == 500
        assert site.ask(mode, "/nowhere/")[0] == 404

    assert described(memory, "boom").status == 500
    assert current_request() is None


@MODES
def test_event_contains_the_body_that_the_view_read(memory: list[Event], mode: str) -> None:
    """This works for forms and JSON, with every way to read them."""
    document = json.dumps({"coupon": "SPRING"})
    answers = [
        site.ask(mode, path, document, content_type="application/json")
        for path in ("/raw/", "/in-parts/", "/unread/")
    ]
    form = site.ask(mode, "/form/", {"coupon": "SPRING"})

    assert answers == [(200, document.encode()), (200, document.encode()), (200, b"ok")]
    assert form == (200, b"SPRING []")
    assert described(memory, "raw").params.json == {"coupon": "SPRING"}
    assert described(memory, "in-parts").params.json == {"coupon": "SPRING"}
    assert described(memory, "unread").params.json is None
    assert described(memory, "form").params.form == {"coupon": ["SPRING"]}


@MODES
def test_event_does_not_contain_uploaded_files(memory: list[Event], mode: str) -> None:
    """The upload reaches the view, and the event contains only its name."""
    photo = io.BytesIO(b"secret" * 20_000)
    photo.name = "me.png"

    assert site.ask(mode, "/form/", {"coupon": "S", "photo": photo}) == (200, b"S [120000]")
    event = delivered(memory)["form"]
    assert described(memory, "form").params.form["coupon"] == ["S"]
    assert "secretsecret" not in str(event)


@MODES
@pytest.mark.parametrize("path", ["/stream/", "/stream-async/"])
# Django warns of an answer that is not of the handler's mode.
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume:Warning")
def test_streams_use_their_request(memory: list[Event], mode: str, path: str) -> None:
    """Events of a streaming response belong to its request."""
    assert site.ask(mode, path) == (200, b"one two")

    event = delivered(memory)["streamed"]
    assert event.request is not None
    assert (event.request.path, event.request.route) == (path, path)
    assert event.user_identifiers == {"id": "42"}
    assert current_request() is None


def test_file_responses_are_not_wrapped(memory: list[Event]) -> None:
    """The server can still send the file in its own way."""
    response = site.SqreenMiddleware(site.views.file)(site.RequestFactory().get("/file/"))

    assert response.file_to_stream is not None
    response.close()
    assert described(memory, "file").status == 200


@MODES
def test_view_stays_in_its_thread(memory: list[Event], mode: str) -> None:
    """The middleware does not move a view to another thread."""
    stacks: list[list[str]] = [[], [site.OURS]]
    threads = [site.ask(mode, "/whereabouts/", middleware=stack)[1] for stack in stacks]

    if mode == "asgi":
        assert threads == [str(threading.get_ident()).encode()] * 2
    assert memory == []


def test_ignored_paths_have_no_events(memory: list[Event]) -> None:
    """The requests work, and their events are ignored."""
    with site.override_settings(SQREEN={"ignore_paths": "/hello/*"}):
        assert site.ask("wsgi", "/hello/jane/") == (200, b"ok")
        assert site.ask("wsgi", "/") == (200, b"ok")

    assert [event.request and event.request.path for event in delivered(memory).values()] == [
        "/"
    ] * 3


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("http://localhost", "must be a dict"),
        ({"URL": "memory://test"}, "'URL' is no setting"),
        ({"auth_signals": "yes"}, "auth_signals"),
    ],
)
def test_wrong_setting_raises_at_the_start(setting: object, complaint: str) -> None:
    """The error names the setting."""
    with site.override_settings(SQREEN=setting), pytest.raises(ConfigurationError, match=complaint):
        site.ask("wsgi", "/")


@MODES
def test_unreadable_route_is_ignored(memory: list[Event], mode: str) -> None:
    """The event contains the rest of the request."""

    def view(request: Any) -> Any:
        request.resolver_match = object()
        request.sqreen.track("x")
        return site.HttpResponse("ok")

    factory = site.AsyncRequestFactory() if mode == "asgi" else site.RequestFactory()
    site.SqreenMiddleware(view)(factory.get("/odd/"))

    assert (described(memory, "x").path, described(memory, "x").route) == ("/odd/", None)


@pytest.mark.parametrize("raised", [RuntimeError, SystemExit])
def test_exception_that_django_does_not_handle_passes(
    memory: list[Event], raised: type[BaseException]
) -> None:
    """The middleware does not change it, in both modes."""

    def view(request: Any) -> Any:
        request.sqreen.track("x")
        raise raised

    async def view_async(request: Any) -> Any:
        view(request)

    with pytest.raises(raised):
        site.SqreenMiddleware(view)(site.RequestFactory().get("/"))
    serving = site.SqreenMiddleware(view_async)(site.RequestFactory().get("/"))
    with pytest.raises(raised):
        serving.send(None)  # as an event loop does, which would end with SystemExit

    assert current_request() is None
    assert sqreen.flush()
    assert [event.name for event in memory] == ["x", "x"]


@pytest.mark.parametrize("view", ["hello", "file"])
def test_request_is_released_with_its_response(memory: list[Event], view: str) -> None:
    """The request needs no garbage collection."""
    request = site.RequestFactory().get("/")
    response = site.SqreenMiddleware(getattr(site.views, view))(request)
    gone = weakref.ref(request)
    gc.collect()
    gc.disable()
    try:
        response.close()
        del request, response
        assert gone() is None
    finally:
        gc.enable()

    assert described(memory, {"hello": "by.module", "file": "file"}[view]).path == "/"


def test_track_accepts_a_request_without_the_middleware(memory: list[Event]) -> None:
    """The path of Django's request is already decoded."""
    sqreen.track("x", request=site.RequestFactory().get("/hello/J%C3%BCrgen/?a=1"))

    request = described(memory, "x")
    assert (request.path, request.params.query) == ("/hello/Jürgen/", {"a": ["1"]})


def test_request_without_a_server_has_a_context(memory: list[Event]) -> None:
    """Tests create such requests."""
    request = site.HttpRequest()

    def view(request: Any) -> Any:
        request.sqreen.track("x")
        return site.HttpResponse("ok")

    assert site.SqreenMiddleware(view)(request).content == b"ok"
    assert described(memory, "x").status == 200
