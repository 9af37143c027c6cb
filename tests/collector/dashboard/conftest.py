"""A collector for each test, and a browser for the tests that need one."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.collector.dashboard.world import World, world


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    """Return a collector without events."""
    with world(tmp_path) as opened:
        yield opened


@pytest.fixture
def client(here: World) -> TestClient:
    """Return a client that an admin has signed in with."""
    return here.client()


@pytest.fixture(scope="module")
def chromium() -> str:
    """Return the path of Chromium; without one the test is skipped, or fails where required."""
    environ = os.environ
    for path in (environ.get("SQREEN_CHROMIUM"), "/usr/bin/chromium", shutil.which("chromium")):
        if path and Path(path).exists():
            return path
    hint = "no Chromium: apt-get install chromium, or set SQREEN_CHROMIUM to its path"
    if environ.get("SQREEN_BROWSER") == "required":
        pytest.fail(hint)
    pytest.skip(hint)
