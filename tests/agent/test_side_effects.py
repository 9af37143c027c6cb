"""Imports, and a middleware without settings, leave the process of the app as it is."""

import pytest

from tests.support.processes import run_script

pytestmark = pytest.mark.slow

SNAPSHOT = """
import signal, sys, threading
from pathlib import Path


def wakeup_fd():
    descriptor = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(descriptor)
    return descriptor


def snapshot():
    handlers = [signal.getsignal(number) for number in signal.valid_signals()]
    hooks = [sys.excepthook, sys.unraisablehook, threading.excepthook]
    threads = len(list(Path("/proc/self/task").iterdir()))
    return [*handlers, *hooks, threads, wakeup_fd()]


"""

SIDES = {
    "asgi": ("", "import SqreenMiddleware as make", "None"),
    "wsgi": ("", "import SqreenWSGIMiddleware as make", "None"),
    "flask": ("import flask", "import Sqreen as make", "flask.Flask('x')"),
    "django": (
        "import django.conf; django.conf.settings.configure()",
        "import SqreenMiddleware as make",
        "lambda request: None",
    ),
}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("settings", "is_changed"),
    [
        ({}, False),
        ({"SQREEN_URL": "http://localhost:9", "SQREEN_TOKEN": "t", "SQREEN_DISABLE": "1"}, False),
        ({"SQREEN_URL": "memory://"}, True),
    ],
    ids=["unconfigured", "disabled", "configured"],
)
def test_only_a_configured_middleware_changes_the_process(
    side: str, settings: dict[str, str], *, is_changed: bool
) -> None:
    """No import installs a handler, hook or thread; a middleware does so only if it delivers."""
    framework, names, app = SIDES[side]
    script = f"""{SNAPSHOT}
{framework}
before = snapshot()
import sqreen_mw as sqreen
from sqreen_mw.middleware.{side} {names}
assert snapshot() == before
make({app})
sqreen.track("x")
sqreen.stats()
print(snapshot() != before)
"""
    printed, _ = run_script(script, settings)

    assert printed.strip() == str(is_changed)
