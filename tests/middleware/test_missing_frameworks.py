import subprocess
import sys

import pytest

from tests.support.optional import need

pytestmark = pytest.mark.slow

HIDDEN = """
import sys
for name in {frameworks}:
    sys.modules[name] = None
"""
ALL = """
from inspect import getmembers
import sqreen_mw
assert ("Sqreen" in dir(sqreen_mw)) is {has_flask}
assert {{"SqreenMiddleware", "track"}} <= set(dir(sqreen_mw))
assert getmembers(sqreen_mw)
names = {{}}
exec("from sqreen_mw import *", names)
assert "SqreenWSGIMiddleware" in names and "track" in names
"""


def run_without(frameworks: list[str], code: str) -> str:
    """Run code where frameworks can't be imported, and return the last line on stderr."""
    hidden = HIDDEN.format(frameworks=frameworks) + code
    ended = subprocess.run(
        [sys.executable, "-c", hidden], capture_output=True, text=True, check=False
    )
    return ended.stderr.rpartition("\n")[0].rpartition("\n")[2]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sqreen_mw; sqreen_mw.Sqreen", "flask"),
        ("from sqreen_mw import Sqreen", "flask"),
        ("from sqreen_mw.middleware.flask import Sqreen", "flask"),
        ("from sqreen_mw.middleware.django import SqreenMiddleware", "django"),
        ("from sqreen_mw.middleware.django_logins import track_logins", "django"),
    ],
)
def test_the_extra_to_install_is_named(code: str, said: str) -> None:
    """Without its framework, a middleware says what to install."""
    last = run_without(["flask", "django", "asgiref"], code)

    assert last == (
        f'ModuleNotFoundError: {said} is not installed: pip install "sqreen-mw[{said}]"'
    )


@pytest.mark.parametrize(
    ("part", "framework"),
    [("werkzeug", "flask"), ("asgiref", "django")],
)
def test_a_part_that_is_missing_is_named_itself(part: str, framework: str) -> None:
    """Where the framework is there and a part of it is not, that part is named."""
    need(framework)

    last = run_without([part], f"import sqreen_mw.middleware.{framework}")

    assert part in last
    assert "pip install" not in last


@pytest.mark.parametrize("hidden", [[], ["flask", "django"]])
def test_the_root_can_be_listed_and_starred(hidden: list[str]) -> None:
    """``dir()`` has what can be had, and ``import *`` what every app can have."""
    assert run_without(hidden, ALL.format(has_flask=not hidden)) == ""
