"""The types of the public names in the installed wheel."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import sqreen_mw
from tests.packaging.conftest import Installed
from tests.packaging.environments import Environment
from tests.support.optional import need

APP = Path(__file__).with_name("typed_app.py")
NOT_FOR_APPS = ("sqreen_mw.cli.", "sqreen_mw.collector.", "sqreen_mw.examples.")
UNRESOLVED = "sqreen_mw.middleware.django"
"""Django is not installed and has no types."""

INFERRED = ("could be inferred differently", "partially unknown")
"""Accepted messages: the type follows from the value of an attribute."""

STRICT = {"typeCheckingMode": "strict", "reportUnnecessaryTypeIgnoreComment": True}


@pytest.fixture
def environment(installed: Installed) -> Environment:
    """Return an environment with all frameworks and the app to check."""
    environment = installed("demo")
    shutil.copy(APP, environment.work)
    (environment.work / "pyrightconfig.json").write_text(json.dumps(STRICT))
    return environment


def test_app_uses_every_public_name() -> None:
    """The checked app contains all public names."""
    used = set(re.findall(r"sqreen\.(\w+)", APP.read_text()))

    assert {*sqreen_mw.__all__, "Sqreen"} <= used


def test_mypy_strict_accepts_the_app(environment: Environment) -> None:
    """With --strict, mypy accepts correct calls and finds each wrong one."""
    done = environment.check("mypy", "--strict", APP.name)

    assert done.returncode == 0, done.stdout


def test_pyright_strict_accepts_the_app(environment: Environment) -> None:
    """In strict mode, pyright accepts correct calls and finds each wrong one."""
    need("pyright")
    done = environment.check("pyright")

    assert done.returncode == 0, done.stdout


def test_all_public_types_are_known(environment: Environment) -> None:
    """No public symbol has a type that is unknown to a checker."""
    need("pyright")
    verify = ("--verifytypes", "sqreen_mw", "--ignoreexternal", "--outputjson")
    done = environment.check("pyright", *verify)
    symbols = json.loads(done.stdout)["typeCompleteness"]["symbols"]

    assert len(symbols) > 1000
    unknown = [each for each in symbols if each["isExported"] and is_unknown(each)]
    assert unknown == []


def is_unknown(symbol: dict[str, Any]) -> bool:
    """Return whether the type of a public symbol is unknown."""
    foreign = symbol["name"].startswith((*NOT_FOR_APPS, UNRESOLVED))
    messages = [each["message"] for each in symbol["diagnostics"]]
    return not foreign and any(not any(hint in line for hint in INFERRED) for line in messages)
