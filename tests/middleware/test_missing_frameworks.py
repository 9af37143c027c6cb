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
    """Run code without some frameworks, and return the last line of stderr."""
    hidden = HIDDEN.format(frameworks=frameworks) + code
    ended = subprocess.run(
        [sys.executable, "-c", hidden], capture_output=True, text=True, check=False
    )
    return ended.stderr.rpartition("\n")[0].rpartition("\n")[2]


@pytest.mark.parametrize(
    ("code", "extra"),
    [
        ("import sqreen_mw; sqreen_mw.Sqreen", "flask"),
        ("from sqreen_mw import Sqreen", "flask"),
        ("from sqreen_mw.middleware.flask import Sqreen", "flask"),
        ("from sqreen_mw.middleware.django import SqreenMiddleware", "django"),
        ("from sqreen_mw.middleware.django_logins import track_logins", "django"),
    ],
)
def test_missing_framework_names_the_extra(code: str, extra: str) -> None:
    """The error contains the command that installs the framework."""
    last = run_without(["flask", "django", "asgiref"], code)

    assert last == (
        f'ModuleNotFoundError: {extra} is not installed: pip install "sqreen-mw[{extra}]"'
    )


def test_missing_flask_login_names_the_package() -> None:
    """Only ``flask_login=True`` needs it."""
    need("flask")

    last = run_without(
        ["flask_login"],
        "import flask, sqreen_mw\n"
        "sqreen_mw.Sqreen(flask.Flask('bare'))\n"
        "sqreen_mw.Sqreen(flask.Flask('full'), flask_login=True)",
    )

    expected = 'ModuleNotFoundError: flask_login is not installed: pip install "Flask-Login"'
    assert last == expected


@pytest.mark.parametrize(
    ("part", "framework"),
    [("werkzeug", "flask"), ("asgiref", "django")],
)
def test_missing_part_of_a_framework_keeps_its_error(part: str, framework: str) -> None:
    """If only a part of the framework is missing, the original error is raised."""
    need(framework)

    last = run_without([part], f"import sqreen_mw.middleware.{framework}")

    assert part in last
    assert "pip install" not in last


@pytest.mark.parametrize("hidden", [[], ["flask", "django"]])
def test_dir_and_star_import_work_without_frameworks(hidden: list[str]) -> None:
    """``dir()`` contains the available names, and ``import *`` does not raise."""
    assert run_without(hidden, ALL.format(has_flask=not hidden)) == ""
