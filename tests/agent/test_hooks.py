import asyncio
from datetime import date
from typing import Any

import anyio
import pytest
from msgspec import structs

import sqreen_mw as sqreen
from sqreen_mw.agent.config.config import Settings
from sqreen_mw.agent.runtime import configure
from sqreen_mw.protocol.event import Event
from tests.support.optional import need

MASK = "<Redacted by Sqreen>"


def test_before_send_changes_an_event(memory: list[Event]) -> None:
    """The result of the hook is sent, after scrubbing."""

    def tag(event: Event) -> Event:
        return structs.replace(event, properties={**event.properties, "password": "hunter2"})

    configure(Settings(before_send=tag))
    scope: dict[str, Any] = {"type": "http", "path": "/", "headers": []}
    sqreen.track("x", properties={"a": 1}, request=scope)
    sqreen.track("y")

    assert sqreen.flush()
    assert memory[0].properties == {"a": 1, "password": MASK}
    assert memory[1].properties == {"password": MASK}


def test_changes_of_the_hook_to_the_request_are_scrubbed(memory: list[Event]) -> None:
    """A hook cannot leak a secret through the request."""

    def leak(event: Event) -> Event:
        assert event.request is not None
        params = structs.replace(
            event.request.params, query={"token": ["abc"]}, path={"secret": "abc", "id": "7"}
        )
        request = structs.replace(event.request, params=params, path="/4111 1111 1111 1111")
        return structs.replace(event, request=request)

    configure(Settings(before_send=leak))
    scope: dict[str, Any] = {"type": "http", "path": "/", "headers": []}
    sqreen.track("x", request=scope)

    assert sqreen.flush()
    told = memory[0].request
    assert told is not None
    assert told.path == f"/{MASK}"
    assert told.params.query == {"token": [MASK]}
    assert told.params.path == {"secret": MASK, "id": "7"}


@pytest.mark.parametrize("answer", [None, 42])
def test_before_send_drops_an_event(memory: list[Event], answer: Any) -> None:
    """None drops the event; any other type drops it too, and is logged."""
    configure(Settings(before_send=lambda _: answer))
    sqreen.track("x")

    assert sqreen.flush()
    stats = sqreen.stats()
    assert memory == []
    assert stats.dropped == {"before_send": 1}
    assert stats.misuse == ({} if answer is None else {"before_send_type": 1})


def test_failing_hook_drops_the_event(
    memory: list[Event], caplog: pytest.LogCaptureFixture
) -> None:
    """The hook may protect privacy, so an event that it did not check is not sent."""

    def fail(_: Event) -> Event:
        raise ValueError("4111 1111 1111 1111")

    configure(Settings(before_send=fail))
    sqreen.track("x")

    assert sqreen.flush()
    assert memory == []
    assert sqreen.stats().dropped == {"before_send": 1}
    assert f"failed in before_send, the app goes on: ValueError('{MASK}')" in caplog.text


def test_log_lines_are_scrubbed(memory: list[Event], caplog: pytest.LogCaptureFixture) -> None:
    """A log line may contain data of the app."""
    sqreen.track("sq.4111 1111 1111 1111")

    assert f"choose another name than 'sq.{MASK}'" in caplog.text
    assert memory == []


def test_strict_misuse_raises(memory: list[Event]) -> None:
    """With SQREEN_STRICT=1 a wrong call raises."""
    configure(Settings(strict=True))

    with pytest.raises(sqreen.SqreenUsageError, match="needs a str as the event's name, not int"):
        sqreen.track(42)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(sqreen.SqreenUsageError, match="identify\\(\\) outside a request"):
        sqreen.identify({"id": 1})
    assert sqreen.track("fine")
    assert sqreen.flush()
    assert len(memory) == 1
    assert sqreen.stats().misuse == {"name_type": 1, "identify_outside": 1}


def test_scrubber_of_the_app_is_used(memory: list[Event]) -> None:
    """An object with the three methods replaces ours."""

    class Upper:
        """Masks nothing, but changes texts."""

        def text(self, text: str) -> str:
            """Return upper case."""
            return text.upper()

        def value(self, value: Any) -> Any:
            """Return the value."""
            return value

        def is_sensitive(self, key: str) -> bool:
            """Return False."""
            return not key

    configure(Settings(scrubber=Upper()))
    sqreen.track("x", properties={"password": "seen"})

    assert sqreen.flush()
    assert (memory[0].name, memory[0].properties) == ("X", {"password": "seen"})


def test_scrubbing_can_be_switched_off(memory: list[Event]) -> None:
    """SQREEN_STRIP_SENSITIVE_DATA=0 turns it off."""
    configure(Settings(strip_sensitive_data=False))
    sqreen.track("x", properties={"password": "seen"})

    assert sqreen.flush()
    assert memory[0].properties == {"password": "seen"}


def test_keys_and_patterns_can_be_given(memory: list[Event]) -> None:
    """SQREEN_STRIP_SENSITIVE_KEYS replaces the keys, and _REGEX adds a pattern."""
    configure(Settings(strip_sensitive_keys="iban, pin", strip_sensitive_regex=r"X\d+"))
    sqreen.track("x", properties={"iban": "DE00", "password": "seen", "note": "is X123 ok"})

    assert sqreen.flush()
    assert memory[0].properties == {
        "iban": MASK,
        "password": "seen",
        "note": f"is {MASK} ok",
    }


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_waiting_on_an_event_loop(memory: list[Event], loop: str) -> None:
    """Aflush and aclose do not block the event loop of asyncio or trio."""

    async def app() -> None:
        sqreen.track("a")
        assert await sqreen.aflush(2.0)
        sqreen.track("b")
        assert await sqreen.aclose(2.0) == 0
        assert await sqreen.aclose(2.0) == 0

    need(loop)
    anyio.run(app, backend=loop)

    assert [event.name for event in memory] == ["a", "b"]


def test_waiting_on_an_event_loop_ends_in_time(memory: list[Event]) -> None:
    """Without a collector, aflush returns False and aclose counts the lost events."""
    configure(Settings(url="http://127.0.0.1:9", token="t"))

    async def app() -> None:
        sqreen.track("a")
        assert not await sqreen.aflush(0.1)
        assert await sqreen.aclose(0.1) == 1

    asyncio.run(app())
    assert memory == []


def test_unconfigured_calls_return_defaults() -> None:
    """Without settings the calls do nothing."""

    async def app() -> None:
        assert await sqreen.aflush()
        assert await sqreen.aclose() == 0

    asyncio.run(app())
    sqreen.identify({"id": 1})
    assert sqreen.auth_track(True, id=1) is None
    assert sqreen.signup_track(id=1) is None
    assert not sqreen.user_is_banned()


def test_identities_outside_requests(memory: list[Event], caplog: pytest.LogCaptureFixture) -> None:
    """Logins and sign-ups work outside of requests; identify() logs that it needs one."""
    sqreen.auth_track(True, {"id": 1}, email="a@b.c")
    sqreen.signup_track(id=2)
    sqreen.identify({"id": 3})
    sqreen.track("x")

    assert sqreen.flush()
    assert [event.user_identifiers for event in memory] == [
        {"id": "1", "email": "a@b.c"},
        {"id": "2"},
        {},
    ]
    assert "identify() outside a request does nothing" in caplog.text
    assert not sqreen.user_is_banned()


def test_hook_receives_truncated_texts(memory: list[Event]) -> None:
    """The hook receives the event as it would be sent, and its changes become JSON."""
    seen: list[Event] = []

    def note(event: Event) -> Event:
        seen.append(event)
        return structs.replace(event, properties={"day": date(2026, 11, 22)})

    configure(Settings(before_send=note))
    sqreen.track("x", properties={"long": "x" * 5000}, user_identifiers={"id": "y" * 600})

    assert sqreen.flush()
    assert seen[0].properties == {"long": "x" * 4096}
    assert memory[0].properties == {"day": "2026-11-22"}
    assert memory[0].user_identifiers == {"id": "y" * 512}


@pytest.mark.parametrize("error", [SystemExit(1), asyncio.CancelledError(), KeyboardInterrupt()])
def test_exit_in_a_hook_does_not_stop_the_delivery(
    memory: list[Event], error: BaseException
) -> None:
    """The hook runs on the flusher's thread; its exception drops only its event."""

    def leave(event: Event) -> Event:
        if event.name == "bad":
            raise error
        return event

    configure(Settings(before_send=leave))
    sqreen.track("bad")
    sqreen.track("good")

    assert sqreen.flush()
    assert [event.name for event in memory] == ["good"]
    assert sqreen.stats().dropped == {"before_send": 1}


def test_changes_in_place_affect_one_event(memory: list[Event]) -> None:
    """A hook may change its event in place; other events do not change."""

    def write(event: Event) -> Event:
        if event.name == "first":
            event.user_identifiers["id"] = "mallory"
            event.user_traits["plan"] = "gold"
            event.properties["seen"] = True
        return event

    configure(Settings(before_send=write))
    for name in ("first", "second"):
        sqreen.track(name)

    assert sqreen.flush()
    first, second = memory
    assert (first.user_identifiers, first.user_traits) == ({"id": "mallory"}, {"plan": "gold"})
    assert (second.user_identifiers, second.user_traits, second.properties) == ({}, {}, {})
