"""Whatever a call is given, it does not raise into the app."""

import asyncio
import inspect
import math
from collections.abc import Callable
from typing import Any

import pytest

import sqreen_mw as sqreen
from sqreen_mw.errors import SqreenUsageError
from sqreen_mw.protocol.event import Event
from tests.support.samples import Asked

CALLS: dict[str, Callable[..., Any]] = {
    name: getattr(sqreen, name)
    for name in (
        "track",
        "identify",
        "auth_track",
        "signup_track",
        "user_is_banned",
        "flush",
        "close",
        "stats",
    )
}
ODD: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((1, 2, 3, 4, 5), {}),
    ((None,) * 9, {"name": 1, "success": 2, "timeout": 3, "self": 4, "context": 5}),
    ((), {"name": None, "options": 1, "keywords": 2, "unknown": 3}),
    (("x",), {"name": "y", "success": True, "user_identifiers": 3, "traits": 4}),
    ((object(), object()), {"arguments": 1, "function": 2, "calls": 3, "cls": 4}),
]


@pytest.mark.parametrize(("arguments", "keywords"), ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("name", CALLS)
def test_no_argument_raises(
    memory: list[Event], name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> None:
    """Too many, twice, or of any name: at module level and on the request the app goes on."""
    CALLS[name](*arguments, **keywords)
    assert memory is not None


@pytest.mark.parametrize(("arguments", "keywords"), ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("name", [*CALLS, "aflush", "aclose"])
def test_no_argument_raises_on_a_request(
    name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> None:
    """The request's own calls take anything as well."""
    result = getattr(Asked(), name)(*arguments, **keywords)
    if inspect.isawaitable(result):
        asyncio.run(_wait_for(result))


async def _wait_for(result: Any) -> None:
    await result


def test_what_fits_is_kept(memory: list[Event], caplog: pytest.LogCaptureFixture) -> None:
    """Of arguments that do not fit, those that do are taken, the first of what is given twice."""
    CALLS["track"]("x", name="y", properties={"a": 1})
    CALLS["auth_track"](True, success=False, email="a@b.c")
    CALLS["track"]("z", {}, 3)

    assert sqreen.flush()
    assert [event.name for event in memory] == ["x", "sq.sdk.users.login", "z"]
    assert memory[0].properties == {"a": 1}
    assert memory[1].properties == {"success": True}
    assert memory[1].user_identifiers == {"email": "a@b.c"}
    assert sqreen.stats().misuse == {"arguments": 3}
    assert "track() got multiple values for argument 'name'" in caplog.text


@pytest.mark.parametrize("timeout", [None, "soon", math.nan, object(), [], 10**400])
def test_a_timeout_that_is_no_number_is_the_usual_one(
    memory: list[Event], caplog: pytest.LogCaptureFixture, timeout: Any
) -> None:
    """A wait never raises and always ends."""
    sqreen.track("x")

    assert sqreen.flush(timeout)
    assert asyncio.run(_wait_for(sqreen.aflush(timeout))) is None
    assert len(memory) == 1
    assert sqreen.stats().misuse == {"timeout": 2}
    assert "timeout must be a number of seconds" in caplog.text


@pytest.mark.parametrize("timeout", ["1", True, math.inf, 1e300])
def test_any_number_is_a_timeout(memory: list[Event], timeout: Any) -> None:
    """What Python takes for a number does, also one that no clock reaches."""
    sqreen.track("x")

    assert sqreen.flush(timeout)
    assert sqreen.close(timeout) == 0
    assert len(memory) == 1
    assert sqreen.stats().misuse == {}


def test_a_timeout_that_is_over_is_no_wait(memory: list[Event]) -> None:
    """A negative timeout asks for the delivery, and does not wait."""
    sqreen.track("x")

    sqreen.flush(-1)
    assert sqreen.flush()
    assert len(memory) == 1


def test_strict_raises_what_does_not_fit(
    memory: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With SQREEN_STRICT arguments that do not fit are a usage error, as all misuse."""
    monkeypatch.setenv("SQREEN_STRICT", "1")

    with pytest.raises(SqreenUsageError, match="multiple values"):
        CALLS["track"]("x", name="y")
    assert memory == []


@pytest.mark.parametrize("name", ["aflush", "aclose"])
def test_calls_to_wait_for_are_known_as_such(name: str) -> None:
    """Frameworks ask whether a hook is a coroutine function, at module level and on requests."""
    assert inspect.iscoroutinefunction(getattr(sqreen, name))
    assert inspect.iscoroutinefunction(getattr(Asked(), name))


def test_signatures_are_told() -> None:
    """Editors and help() show what a call takes."""
    names = ["name", "options", "surplus", "keywords"]
    assert list(inspect.signature(sqreen.track).parameters) == names
