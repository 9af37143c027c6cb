import asyncio
import os
import subprocess
import sys
import unittest
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from flask import Flask
from starlette.testclient import TestClient

import sqreen_mw as sqreen
from sqreen_mw.agent.delivery.transports.local import memory_events
from sqreen_mw.protocol.event import Event
from sqreen_mw.scrubbing.mask import MASK
from sqreen_mw.testing import capture_events
from tests.support.ports import free_port


def shop(**settings: Any) -> TestClient:
    """Return a client of an app on Starlette that tracks."""
    app = FastAPI()
    app.add_middleware(sqreen.SqreenMiddleware, **settings)

    @app.get("/coupons/{code}")
    def apply_coupon(code: str) -> bool:
        sqreen.identify({"email": "jane@example.org"})
        return bool(sqreen.track("coupon.applied", properties={"code": code, "password": "x"}))

    return TestClient(app)


def bank(**settings: Any) -> Any:
    """Return a client of an app on Flask that tracks."""
    app = Flask(__name__)
    sqreen.Sqreen(app, **settings)

    @app.get("/coupons/<code>")
    def apply_coupon(code: str) -> list[bool]:
        sqreen.identify({"email": "jane@example.org"})
        return [bool(sqreen.track("coupon.applied", properties={"code": code, "password": "x"}))]

    return app.test_client()


@pytest.mark.parametrize("site", [shop, bank])
@pytest.mark.parametrize("settings", [{}, {"disable": True}, {"url": "memory://elsewhere"}])
def test_sees_what_would_be_sent(site: Callable[..., Any], settings: dict[str, Any]) -> None:
    """However the app is configured, its events are caught with their request, scrubbed."""
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


def test_an_app_that_is_made_meanwhile_is_caught() -> None:
    """A middleware that is made within the block, or configured late, changes nothing."""
    with capture_events() as events:
        assert sqreen.track("early")
        shop(url="http://127.0.0.1:9", token="t").get("/coupons/SPRING")
        sqreen.track("late")

        assert events.names == ["early", "coupon.applied", "late"]


def test_nothing_that_is_caught_leaves(memory: list[Event]) -> None:
    """Events of the block are caught only; those before and after it go their usual way."""
    sqreen.track("before")
    with capture_events() as events:
        sqreen.track("within")
    sqreen.track("after")
    sqreen.flush()

    assert [event.name for event in memory] == ["before", "after"]
    assert events.names == ["within"]


def test_unconfigured_afterwards_every_call_is_a_no_op_again() -> None:
    """The end of a capture leaves nothing behind."""
    with capture_events() as events:
        assert sqreen.track("x")
        assert sqreen.stats().tracked == 1
    assert sqreen.track("x") is None

    assert len(events) == 1
    assert sqreen.stats().tracked == 0
    assert memory_events("memory://sqreen_mw.testing") == []


def test_a_close_in_the_app_does_not_end_the_capture() -> None:
    """An app that closes at its end, or a lifespan that ends, is followed into its next life."""
    with capture_events() as events:
        for _ in range(2):
            with shop() as client:
                client.get("/coupons/SPRING")
            assert sqreen.close() == 0
            assert asyncio.run(sqreen.aclose()) == 0

        assert events.names == ["coupon.applied"] * 2


def test_an_ignored_path_has_no_events() -> None:
    """What the settings leave out is left out of captures too."""
    client = shop(ignore_paths=["/coupons/*"])

    with capture_events() as events:
        client.get("/coupons/SPRING")

        assert events == []


def test_threads_are_captured() -> None:
    """Events of every thread of the process are caught, in the order of their creation."""
    with capture_events() as events, ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(lambda number: sqreen.track(f"row.{number}"), range(40)))

        assert {event.id for event in events} == set(ids)
        assert events.names == sorted(events.names, key=lambda n: events.one(n).timestamp)


@pytest.mark.parametrize(("count", "text"), [(12_000, ""), (600, "x" * 4000)])
def test_no_bound_of_the_queue_is_a_captures(count: int, text: str) -> None:
    """However many a request tracks, and however large they are, each of them is caught."""
    app = FastAPI()
    app.add_middleware(sqreen.SqreenMiddleware)

    @app.get("/rows")
    def rows() -> None:
        for row in range(count):
            sqreen.track("row", properties={"row": row, "texts": [text] * 14})

    with capture_events() as events:
        TestClient(app).get("/rows")

    assert [event.properties["row"] for event in events] == list(range(count))


def test_the_apps_spool_stays_as_it_is(tmp_path: Path) -> None:
    """What another process left in the spool is not drawn into a capture, nor taken from there."""
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


def spooled(folder: Path) -> dict[str, int]:
    """Return the size of each file below a folder, but for the locks."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.name: path.stat().st_size for path in files}


def test_captures_nest() -> None:
    """Each capture has all events of its own time."""
    with capture_events() as outer:
        sqreen.track("a")
        with capture_events() as inner:
            sqreen.track("b")
        sqreen.track("c")

    assert inner.names == ["b"]
    assert outer.names == ["a", "b", "c"]


def test_the_apps_hooks_are_asked() -> None:
    """``before_send`` changes and drops events as it does when they are sent."""
    client = shop(before_send=lambda event: None if "drop" in str(event.properties) else event)

    with capture_events() as events:
        client.get("/coupons/drop")
        client.get("/coupons/keep")

    assert [event.properties["code"] for event in events] == ["keep"]
    with pytest.raises(AssertionError, match=r"before_send \(1\)"):
        events.one("coupon.refused")


def test_a_hook_that_hangs_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """A read that waits for ever ends with an error that says what is not done."""
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


def test_an_error_in_the_block_passes() -> None:
    """What a test raises is what it fails of."""
    with pytest.raises(ZeroDivisionError), capture_events():
        _ = 1 / 0
    assert sqreen.track("x") is None


def test_unittest_needs_nothing_more() -> None:
    """A capture is a context that a test case can enter."""

    class Case(unittest.TestCase):
        def test(self) -> None:
            events = self.enterContext(capture_events())
            sqreen.track("x", properties={"rows": 3})
            events.assert_tracked("x", properties={"rows": 3})

    result = unittest.TestResult()
    Case("test").run(result)
    assert (result.testsRun, result.failures, result.errors) == (1, [], [])
