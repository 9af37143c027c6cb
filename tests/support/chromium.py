"""Debian's Chromium, for the tests that need a browser."""

import os
import shutil
from pathlib import Path

from tests.support.optional import missing

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

PAGE_TIMEOUT = 60_000
"""Milliseconds to wait for a page. It is long, because a busy machine is not a fault."""


def chromium_path() -> str:
    """Return the path of Chromium. Without one, skip the test or, if required, fail it."""
    environ = os.environ
    for path in (environ.get("CHROMIUM"), "/usr/bin/chromium", shutil.which("chromium")):
        if path and Path(path).exists():
            return path
    return missing("Chromium (apt-get install chromium, or CHROMIUM=path)")
