"""Each event states whether its user is established, and an ignored forwarding header."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

import sqreen_mw as sqreen
from sqreen_mw.agent.config.config import Settings
from sqreen_mw.agent.runtime import configure
from sqreen_mw.middleware.wsgi import SqreenWSGIMiddleware
from sqreen_mw.protocol.event import Event

ANN = {"email": "ann@example.org", "id": "7"}


def serve(handle: Callable[[], object], **environ: str) -> None:
    """Serve one request, and deliver its events."""

    def app(_: Any, start_response: Any) -> list[bytes]:
        handle()
        start_response("200 OK", [])
        return []

    request = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "REMOTE_ADDR": "203.0.113.9"}
    SqreenWSGIMiddleware(app)({**request, **environ}, lambda *_: lambda _: None)
    assert sqreen.flush()


@pytest.mark.parametrize(
    "verify",
    [
        lambda: sqreen.identify(ANN),
        lambda: sqreen.auth_track(True, ANN),
        lambda: sqreen.signup_track(ANN),
    ],
    ids=["identify", "login", "signup"],
)
def test_verified_user_is_established(memory: list[Event], verify: Callable[[], object]) -> None:
    """The app verifies a user by identify, a successful login or a sign-up."""

    def handle() -> None:
        sqreen.track("before")
        verify()
        sqreen.track("after")

    serve(handle)

    assert {event.identity for event in memory} == {"established"}
    assert memory[0].name == "before"


def test_failed_login_is_claimed(memory: list[Event]) -> None:
    """The visitor typed the identifiers, also if a user is logged in already."""

    def handle() -> None:
        sqreen.auth_track(False, ANN)
        sqreen.identify(ANN)
        sqreen.auth_track(False, ANN)
        sqreen.auth_track(False)

    serve(handle)

    assert [event.identity for event in memory] == ["claimed", "claimed", "established"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (ANN, "established"),
        ({"id": 7}, "established"),
        ({"Email": " ANN@example.org "}, "established"),
        ({"ID": "\uff17"}, "established"),
        ({"id": 8}, "claimed"),
        ({"id": "07"}, "claimed"),
        ({"a=b": "c"}, "claimed"),
        ({"id": 7, "phone": " "}, "claimed"),
        ({"email": "7"}, "claimed"),
        ({**ANN, "phone": "5"}, "claimed"),
        ({"id": 7, "email": "bob@example.org"}, "claimed"),
    ],
)
def test_given_identifiers_must_belong_to_the_verified_user(
    memory: list[Event], given: Any, expected: str
) -> None:
    """``user_identifiers`` is established if the verified user has all of them."""

    def handle() -> None:
        sqreen.track("before", user_identifiers=given)
        sqreen.identify(ANN)
        sqreen.track("after", user_identifiers=given)

    serve(handle)

    assert [event.identity for event in memory] == [expected, expected]


def test_identifiers_of_two_verified_users_are_claimed(memory: list[Event]) -> None:
    """Each verified user counts alone, for example during an impersonation."""

    def handle() -> None:
        sqreen.identify({"id": 1, "email": "admin"})
        sqreen.identify({"id": 2, "email": "ann"})
        sqreen.track("x", user_identifiers={"id": 1})
        sqreen.track("x", user_identifiers={"id": 2})
        sqreen.track("x", user_identifiers={"id": 1, "email": "ann"})

    serve(handle)

    assert [event.identity for event in memory] == ["established", "established", "claimed"]


def test_user_of_another_request_is_claimed(memory: list[Event]) -> None:
    """A user that an earlier request verified proves nothing in the next one."""
    serve(lambda: sqreen.identify(ANN))
    serve(lambda: sqreen.track("x", user_identifiers=ANN))
    sqreen.track("outside", user_identifiers=ANN)
    sqreen.auth_track(True, ANN)

    assert sqreen.flush()
    assert [event.identity for event in memory] == ["claimed", "claimed", "established"]


def test_event_without_a_user_has_no_identity(memory: list[Event]) -> None:
    """An event that names no user makes no statement about one."""
    serve(lambda: sqreen.track("x", user_identifiers={}))
    serve(lambda: sqreen.auth_track(False))

    assert [event.identity for event in memory] == [None, None]


@pytest.mark.parametrize(
    ("environ", "ignored"),
    [
        ({"HTTP_X_FORWARDED_FOR": "8.8.8.8"}, True),
        ({"HTTP_X_FORWARDED_FOR": "8.8.8.8", "REMOTE_ADDR": "10.0.0.1"}, True),
        ({"HTTP_X_FORWARDED_FOR": "8.8.8.8", "REMOTE_ADDR": "127.0.0.1"}, False),
        ({"HTTP_X_FORWARDED_FOR": "garbage", "REMOTE_ADDR": "127.0.0.1"}, True),
        ({"HTTP_CF_CONNECTING_IP": "8.8.8.8"}, True),
        ({"HTTP_FORWARDED": "for=8.8.8.8", "REMOTE_ADDR": "10.0.0.1"}, True),
        ({"HTTP_FORWARDED": "for=203.0.113.9"}, False),
        ({"HTTP_X_REAL_IP": "8.8.8.8"}, True),
        ({"HTTP_X_REAL_IP": "8.8.8.8", "REMOTE_ADDR": "127.0.0.1"}, False),
        ({"HTTP_X_REAL_IP": "203.0.113.9", "HTTP_TRUE_CLIENT_IP": "8.8.8.8"}, True),
        ({}, False),
    ],
)
def test_ignored_forwarding_header_is_reported(
    memory: list[Event], environ: dict[str, str], ignored: object
) -> None:
    """The event states that it came with a forwarding header that was not trusted."""
    serve(lambda: sqreen.track("x"), **environ)

    [request] = [event.request for event in memory]
    assert request is not None
    assert request.forwarded_ignored is ignored


def test_ignored_configured_header_is_reported(memory: list[Event]) -> None:
    """With SQREEN_IP_HEADER, that header counts, and the other ones never do."""
    configure(Settings(ip_header="CF-Connecting-IP"))
    serve(lambda: sqreen.track("x"), HTTP_CF_CONNECTING_IP="8.8.8.8")
    serve(lambda: sqreen.track("x"), HTTP_CF_CONNECTING_IP="8.8.8.8", REMOTE_ADDR="127.0.0.1")
    serve(lambda: sqreen.track("x"), HTTP_X_FORWARDED_FOR="8.8.8.8")

    requests = [event.request for event in memory if event.request is not None]
    assert [request.forwarded_ignored for request in requests] == [True, False, True]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"id": "7"}, "established"),
        ({"email": "Ann@Example.org"}, "established"),
        ({"id": "7", "tenant": "a"}, "claimed"),
        ({"id": "8"}, "claimed"),
        ({}, None),
    ],
)
def test_hook_cannot_establish_a_user(
    memory: list[Event], changed: dict[str, str], expected: str | None
) -> None:
    """Identifiers that before_send adds were not verified in the request."""

    def change(event: Event) -> Event:
        return structs.replace(event, user_identifiers=changed, identity="established")

    configure(Settings(before_send=change))

    def handle() -> None:
        sqreen.identify(ANN)
        sqreen.track("x")

    serve(handle)

    assert [event.identity for event in memory] == [expected]
