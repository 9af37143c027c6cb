"""Public calls never raise into the app, whatever their arguments are."""

import asyncio
import inspect
import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import sqreen_mw as sqreen
from sqreen_mw.agent.calls import Stats
from sqreen_mw.agent.config.config import Config
from sqreen_mw.agent.delivery.flusher import Flusher
from sqreen_mw.agent.null import NullAgent
from sqreen_mw.errors import SqreenUsageError
from sqreen_mw.protocol.event import Event
from tests.support.samples import StubRequest

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


class WithoutTruth:
    """Has no truth value, like an array of numpy."""

    def __bool__(self) -> bool:
        raise ValueError("ambiguous")


ODD: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((1, 2, 3, 4, 5), {}),
    ((None,) * 9, {"name": 1, "success": 2, "timeout": 3, "self": 4, "context": 5}),
    ((), {"name": None, "options": 1, "keywords": 2, "unknown": 3}),
    (("x",), {"name": "y", "success": True, "user_identifiers": 3, "traits": 4}),
    ((WithoutTruth(), WithoutTruth(), 3), {}),
    ((WithoutTruth(),), {"name": "x"}),
    ((), {"name": WithoutTruth(), "options": WithoutTruth()}),
    ((object(), object()), {"arguments": 1, "function": 2, "calls": 3, "cls": 4}),
]


@pytest.mark.parametrize(("arguments", "keywords"), ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("name", CALLS)
def test_module_calls_accept_any_arguments(
    memory: list[Event], name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> None:
    """Surplus, repeated and unknown arguments do not raise."""
    CALLS[name](*arguments, **keywords)
    assert memory is not None


@pytest.mark.parametrize(("arguments", "keywords"), ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("name", [*CALLS, "aflush", "aclose"])
def test_request_calls_accept_any_arguments(
    name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> None:
    """Surplus, repeated and unknown arguments do not raise on a request either."""
    result = getattr(StubRequest(), name)(*arguments, **keywords)
    if inspect.isawaitable(result):
        asyncio.run(_wait_for(result))


async def _wait_for(result: Any) -> Any:
    return await result


def test_fitting_arguments_are_used(memory: list[Event], caplog: pytest.LogCaptureFixture) -> None:
    """The arguments that fit are used; of a repeated one, the first."""
    CALLS["track"]("x", name="y", properties={"a": 1})
    CALLS["auth_track"](True, success=False, email="a@b.c")
    CALLS["track"]("z", {}, 3)

    assert sqreen.flush()
    assert [event.name for event in memory] == ["x", "sq.sdk.users.login", "z"]
    assert memory[0].properties == {"a": 1}
    assert memory[1].properties == {"success": True}
    assert memory[1].user_identifiers == {"email": "a@b.c"}
    assert sqreen.stats().misuse == {"arguments": 3}
    assert "track() ignored unexpected arguments: 0 positional, keywords: 'name'" in caplog.text


@pytest.mark.parametrize(
    ("name", "arguments", "keywords", "expected"),
    [
        (
            "flush",
            (2.0, 3, 4),
            {"wait": True},
            "flush() ignored {}: 2 positional, keywords: 'wait'",
        ),
        (
            "signup_track",
            ({}, 2),
            {"self": 4},
            "signup_track() ignored {}: 1 positional, keywords: ",
        ),
        ("auth_track", (1,), {"success": 2}, "auth_track() ignored {}: 0 positional, keywords: 's"),
        ("track", ("x", None, 3), {}, "track() ignored {}: 1 positional, keywords: none"),
        ("stats", (), {"x" * 9999: 1}, "stats() ignored {}: 0 positional, keywords: <9999 charac"),
    ],
)
def test_unexpected_arguments_are_logged(
    memory: list[Event],
    caplog: pytest.LogCaptureFixture,
    name: str,
    arguments: tuple[Any, ...],
    keywords: dict[str, Any],
    expected: str,
) -> None:
    """The line contains the public name of the call, and the arguments that it does not have."""
    CALLS[name](*arguments, **keywords)

    assert memory == []
    assert caplog.messages[0].startswith(expected.format("unexpected arguments"))
    assert sqreen.stats().misuse["arguments"] == 1


@pytest.mark.parametrize("timeout", [None, "soon", math.nan, object(), [], 10**400])
def test_invalid_timeout_becomes_the_default(
    memory: list[Event], caplog: pytest.LogCaptureFixture, timeout: Any
) -> None:
    """A wait with an invalid timeout does not raise, and ends."""
    sqreen.track("x")

    assert sqreen.flush(timeout)
    assert asyncio.run(_wait_for(sqreen.aflush(timeout)))
    assert len(memory) == 1
    assert sqreen.stats().misuse == {"timeout": 2}
    assert "timeout must be a number of seconds" in caplog.text


@pytest.mark.parametrize("timeout", ["1", True, math.inf, 1e300])
def test_any_number_is_a_valid_timeout(memory: list[Event], timeout: Any) -> None:
    """Everything that float() accepts is valid, infinity included."""
    sqreen.track("x")

    assert sqreen.flush(timeout)
    assert sqreen.close(timeout) == 0
    assert len(memory) == 1
    assert sqreen.stats().misuse == {}


def test_negative_timeout_does_not_wait(memory: list[Event]) -> None:
    """A negative timeout requests the delivery and returns at once."""
    sqreen.track("x")

    sqreen.flush(-1)
    assert sqreen.flush()
    assert len(memory) == 1


def test_strict_mode_raises_for_wrong_arguments(
    memory: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With SQREEN_STRICT=1, wrong arguments raise SqreenUsageError like all misuse."""
    monkeypatch.setenv("SQREEN_STRICT", "1")

    with pytest.raises(
        SqreenUsageError,
        match="track\\(\\) ignored unexpected arguments: 0 positional, keywords: 'name'",
    ):
        CALLS["track"]("x", name="y")
    assert memory == []


@pytest.mark.parametrize("name", ["aflush", "aclose"])
def test_async_calls_are_coroutine_functions(name: str) -> None:
    """Frameworks check whether a hook is a coroutine function."""
    assert inspect.iscoroutinefunction(getattr(sqreen, name))
    assert inspect.iscoroutinefunction(getattr(StubRequest(), name))


def test_signature_of_track_is_visible() -> None:
    """Editors and help() show the parameters."""
    names = ["name", "options", "surplus", "keywords"]
    assert list(inspect.signature(sqreen.track).parameters) == names


class _BrokenAgent(NullAgent):
    """An agent whose own code raises, and counts its calls."""

    def __init__(self, error: Exception) -> None:
        super().__init__(Config())
        self.error = error
        self.runs = 0
        for name in CALLS:
            setattr(self, name, self._fail)
        for name in ("aflush", "aclose"):
            setattr(self, name, self._fail_async)

    def _fail(self, *_: object, **__: object) -> Any:
        self.runs += 1
        raise self.error

    async def _fail_async(self, *_: object) -> Any:
        self._fail()


@pytest.mark.parametrize("error", [TypeError("inside"), ValueError("inside")], ids=repr)
@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("identify", None),
        ("auth_track", None),
        ("signup_track", None),
        ("user_is_banned", False),
        ("flush", False),
        ("close", 0),
        ("stats", Stats()),
        ("aflush", False),
        ("aclose", 0),
    ],
)
def test_error_inside_a_call_runs_it_once_and_returns_the_default(
    name: str, default: object, error: Exception
) -> None:
    """An error of ours, TypeError included, neither repeats the call nor reaches the app."""
    request = StubRequest()
    request.agent = agent = _BrokenAgent(error)

    result = getattr(request, name)()
    if inspect.isawaitable(result):
        result = asyncio.run(_wait_for(result))

    assert result == default
    assert agent.runs == 1


def test_error_inside_a_call_is_counted(
    memory: list[Event], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of ours is logged and counted under the name of the call."""

    def fail(_: object, seconds: float) -> bool:
        raise TypeError(f"inside {seconds}")

    monkeypatch.setattr(Flusher, "flush", fail)

    assert not sqreen.flush(1.0)
    monkeypatch.undo()
    assert sqreen.stats().misuse == {"flush": 1}
    assert "sqreen_mw failed in flush, the app goes on: TypeError('inside 1.0')" in caplog.text
    assert memory == []


def test_module_calls_can_be_pickled() -> None:
    """A pool of processes pickles the functions that it runs."""
    assert pickle.loads(pickle.dumps(sqreen.track)) == sqreen.track  # noqa: S301
