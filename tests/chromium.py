"""Debian's Chromium, as the tests that need a browser start it."""

import os
import shutil
from pathlib import Path

import pytest

ARGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

PATIENCE = 60_000
"""How long a page is waited for, in milliseconds: a busy machine is not a fault."""


def chromium_path() -> str:
    """Return the path of Chromium; without one the test is skipped, or fails where required."""
    environ = os.environ
    for path in (environ.get("SQREEN_CHROMIUM"), "/usr/bin/chromium", shutil.which("chromium")):
        if path and Path(path).exists():
            return path
    hint = "no Chromium: apt-get install chromium, or set SQREEN_CHROMIUM to its path"
    if environ.get("SQREEN_BROWSER") == "required":
        pytest.fail(hint)
    pytest.skip(hint)
