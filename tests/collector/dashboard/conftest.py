"""Fixtures: a collector and a browser."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.collector.dashboard.running_collector import RunningCollector, running_collector
from tests.support.chromium import chromium_path
from tests.support.optional import REQUIRED

DRIVERS = ("playwright", "axe_playwright_python")

collect_ignore: list[str] = []
if not REQUIRED and not all(map(find_spec, DRIVERS)):
    collect_ignore.append("test_browser.py")


def pytest_report_header() -> str:
    """Report at the top if the browser tests are skipped."""
    hint = "skipped: pip install playwright axe-playwright-python" if collect_ignore else "on"
    return f"browser tests: {hint}"


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[RunningCollector]:
    """Return a collector without events."""
    with running_collector(tmp_path) as opened:
        yield opened


@pytest.fixture
def client(collector: RunningCollector) -> TestClient:
    """Return a client with an admin's session."""
    return collector.client()


@pytest.fixture(scope="module")
def chromium() -> str:
    """Return the path of Chromium. Without it the tests are skipped, or fail if required."""
    return chromium_path()
