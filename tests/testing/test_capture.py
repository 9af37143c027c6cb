import asyncio
import os
import subprocess
import sys
import unittest
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from flask import Flask
from starlette.testclient import TestClient

import sqreen_mw as sqreen
from sqreen_mw.agent.delivery.transports.local import memory_events
from sqreen_mw.agent.process import unpatched
from sqreen_mw.agent.runtime import configure
from sqreen_mw.protocol.event import Event
from sqreen_mw.protocol.mask import MASK
from sqreen_mw.testing import capture_events
from tests.support.optional import need_module
from tests.support.ports import free_port


def shop(**settings: Any) -> TestClient:
    """Return a client of a FastAPI app that tracks."""
    app = FastAPI()
    app.add_middleware(sqreen.SqreenMiddleware, **settings)

    @app.get("/coupons/{code}")
    def apply_coupon(code: str) -> bool:
        sqreen.identify({"email": "jane@example.org"})
        return bool(sqreen.track("coupon.applied", properties={"code": code, "password": "x"}))

    return TestClient(app)


def bank(**settings: Any) -> Any:
    """Return a client of a Flask app that tracks."""
    app = Flask(__name__)
    sqreen.Sqreen(app, **settings)

    @app.get("/coupons/<code>")
    def apply_coupon(code: str) -> list[bool]:
        sqreen.identify({"email": "jane@example.org"})
        return [bool(sqreen.track("coupon.applied", properties={"code": code, "password": "x"}))]

    return app.test_client()


@pytest.mark.parametrize("site", [shop, bank])
@pytest.mark.parametrize("settings", [{}, {"disable": True}, {"url": "memory://elsewhere"}])
def test_captures_complete_events(site: Callable[..., Any], settings: dict[str, Any]) -> None:
    """Events have their request and are scrubbed, whatever the app's settings are."""
    client = site(**settings)
    client.get("/coupons/EARLY")

    with capture_events() as events:
        client.get("/coupons/SPRING?x=1", headers={"User-Agent": "probe"})
        event = events.one("coupon.applied")

    assert event.properties == {"code": "SPRING", "password": MASK}
    assert event.user_identifiers == {"email": "jane@example.org"}
    assert event.request is not None
    assert event.request.route is not None
    assert (event.request.verb, event.request.path) == ("GET", "/coupons/SPRING")
    assert (event.request.status, event.request.user_agent) == (200, "probe")
    assert event.request.params.query == {"x": ["1"]}


@pytest.mark.parametrize("moment", ["1999-05-06", "2026-01-01", "2041-05-06"])
@pytest.mark.parametrize("tool", ["freezegun.freeze_time", "time_machine.travel"])
def test_capture_works_while_the_clock_is_replaced(tool: str, moment: str) -> None:
    """Events have the time of the test, and the order in which they were tracked."""
    package, name = tool.split(".")
    replaced = getattr(need_module(package, package=package), name)
    with capture_events() as events:
        sqreen.track("before")
        with replaced(moment):
            sqreen.track("during")
            assert events.names == ["before", "during"]
            with capture_events() as inner:
                sqreen.track("inside")
        sqreen.track("after")

    assert events.names == ["before", "during", "inside", "after"]
    assert inner.names == ["inside"]
    assert datetime.fromtimestamp(events[1].timestamp / 1000, UTC).isoformat()[:10] == moment


def test_captures_an_app_created_in_the_block() -> None:
    """A middleware that is created or configured within the block is captured too."""
    with capture_events() as events:
        assert sqreen.track("early")
        shop(url="http://127.0.0.1:9", token="t").get("/coupons/SPRING")
        sqreen.track("late")

        assert events.names == ["early", "coupon.applied", "late"]


def test_captured_events_are_not_sent(memory: list[Event]) -> None:
    """Events of the block are captured only; those before and after it are sent."""
    sqreen.track("before")
    with capture_events() as events:
        sqreen.track("within")
    sqreen.track("after")
    sqreen.flush()

    assert [event.name for event in memory] == ["before", "after"]
    assert events.names == ["within"]


def test_calls_are_no_ops_after_the_capture() -> None:
    """The end of a capture restores the unconfigured state."""
    with capture_events() as events:
        assert sqreen.track("x")
        assert sqreen.stats().tracked == 1
    assert sqreen.track("x") is None

    assert len(events) == 1
    assert sqreen.stats().tracked == 0
    assert memory_events("memory://sqreen_mw.testing") == []


def test_close_does_not_end_the_capture() -> None:
    """Events after ``close()`` or the end of a lifespan are captured too."""
    with capture_events() as events:
        for _ in range(2):
            with shop() as client:
                client.get("/coupons/SPRING")
            assert sqreen.close() == 0
            assert asyncio.run(sqreen.aclose()) == 0

        assert events.names == ["coupon.applied"] * 2


def test_ignored_paths_have_no_events() -> None:
    """The setting ``ignore_paths`` applies to captures."""
    client = shop(ignore_paths=["/coupons/*"])

    with capture_events() as events:
        client.get("/coupons/SPRING")

        assert events == []


def test_threads_are_captured() -> None:
    """Events of all threads are captured, in the order of their creation."""
    with capture_events() as events, ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(lambda number: sqreen.track(f"row.{number}"), range(40)))

        assert {event.id for event in events} == set(ids)
        assert events.names == sorted(events.names, key=lambda n: events.one(n).timestamp)


@pytest.mark.slow
@pytest.mark.parametrize(("count", "text"), [(12_000, ""), (600, "x" * 4000)])
def test_captures_are_not_limited_by_the_queue(count: int, text: str) -> None:
    """All events of a request are captured, however many and large they are."""
    app = FastAPI()
    app.add_middleware(sqreen.SqreenMiddleware)

    @app.get("/rows")
    def rows() -> None:
        for row in range(count):
            sqreen.track("row", properties={"row": row, "texts": [text] * 14})

    with capture_events() as events:
        TestClient(app).get("/rows")

    assert [event.properties["row"] for event in events] == list(range(count))


def test_spool_is_not_read_or_changed(tmp_path: Path) -> None:
    """Events in the app's spool are neither captured nor removed."""
    environment = {
        "SQREEN_URL": f"http://127.0.0.1:{free_port()}",
        "SQREEN_TOKEN": "sqm_test",
        "SQREEN_SPOOL_DIR": str(tmp_path / "spool"),
    }
    left = "import sqreen_mw; sqreen_mw.track('left'); sqreen_mw.close()"
    subprocess.run([sys.executable, "-c", left], check=True, env={**os.environ, **environment})
    files = spooled(tmp_path)

    client = shop(
        url=environment["SQREEN_URL"], token="sqm_test", spool_dir=environment["SQREEN_SPOOL_DIR"]
    )
    with capture_events() as events:
        client.get("/coupons/SPRING")

    assert files
    assert events.names == ["coupon.applied"]
    assert spooled(tmp_path) == files


@pytest.mark.slow
def test_requests_start_no_delivery_while_events_are_captured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The app's flusher would send what an earlier process left in the spool."""
    threads: list[object] = []
    monkeypatch.setattr(unpatched, "start_thread", threads.append)
    agent = configure({"url": f"http://127.0.0.1:{free_port()}", "token": "sqm_test"})
    with capture_events():
        agent.ensure_started()
    assert threads == []

    agent.ensure_started()
    assert len(threads) == 1


def spooled(folder: Path) -> dict[str, int]:
    """Return the size of each file in a directory."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.name: path.stat().st_size for path in files}


def test_captures_nest() -> None:
    """Each capture contains all events of its own time."""
    with capture_events() as outer:
        sqreen.track("a")
        with capture_events() as inner:
            sqreen.track("b")
        sqreen.track("c")

    assert inner.names == ["b"]
    assert outer.names == ["a", "b", "c"]


def test_before_send_is_called() -> None:
    """``before_send`` can change and drop captured events."""
    client = shop(before_send=lambda event: None if "drop" in str(event.properties) else event)

    with capture_events() as events:
        client.get("/coupons/drop")
        client.get("/coupons/keep")

    assert [event.properties["code"] for event in events] == ["keep"]
    with pytest.raises(AssertionError, match=r"before_send \(1\)"):
        events.one("coupon.refused")


def test_hanging_hook_raises_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading the events raises an error if a hook does not return."""
    monkeypatch.setattr("sqreen_mw.testing.capture.SEAL_SECONDS", 0.1)
    released: list[bool] = []

    def hang(event: Event) -> Event:
        while not released:
            pass
        return event

    client = shop(before_send=hang)
    with capture_events() as events:
        client.get("/coupons/SPRING")
        with pytest.raises(TimeoutError, match="not sealed within"):
            len(events)
        released.append(True)
        monkeypatch.setattr("sqreen_mw.testing.capture.SEAL_SECONDS", 10)

        assert len(events) == 1


def test_error_in_the_block_is_raised() -> None:
    """An exception of the block is not changed, and the capture ends."""
    with pytest.raises(ZeroDivisionError), capture_events():
        _ = 1 / 0
    assert sqreen.track("x") is None


def test_works_with_unittest() -> None:
    """A test case can enter a capture as a context."""

    class Case(unittest.TestCase):
        def test(self) -> None:
            events = self.enterContext(capture_events())
            sqreen.track("x", properties={"rows": 3})
            events.assert_tracked("x", properties={"rows": 3})

    result = unittest.TestResult()
    Case("test").run(result)
    assert (result.testsRun, result.failures, result.errors) == (1, [], [])
