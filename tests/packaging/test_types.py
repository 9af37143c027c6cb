"""The public names' types, as users of the installed wheel have them."""

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
"""Django is not there, and has no types."""

INFERRED = ("could be inferred differently", "partially unknown")
"""What is said of attributes whose value shows their type, and of what is made of those."""

STRICT = {"typeCheckingMode": "strict", "reportUnnecessaryTypeIgnoreComment": True}


@pytest.fixture
def environment(installed: Installed) -> Environment:
    """Return an environment with all frameworks, and the app to check in its folder."""
    environment = installed("demo")
    shutil.copy(APP, environment.work)
    (environment.work / "pyrightconfig.json").write_text(json.dumps(STRICT))
    return environment


def test_the_app_uses_every_public_name() -> None:
    """What is public is in the app that the type checkers see."""
    used = set(re.findall(r"sqreen\.(\w+)", APP.read_text()))

    assert {*sqreen_mw.__all__, "Sqreen"} <= used


def test_mypy_is_strict_and_content(environment: Environment) -> None:
    """Right uses have the types that they say, and each wrong one is found, by mypy --strict."""
    done = environment.check("mypy", "--strict", APP.name)

    assert done.returncode == 0, done.stdout


def test_pyright_is_strict_and_content(environment: Environment) -> None:
    """The same holds with pyright, the type checker of many editors."""
    need("pyright")
    done = environment.check("pyright")

    assert done.returncode == 0, done.stdout


def test_every_type_is_known(environment: Environment) -> None:
    """Nothing that an app can import has a type that a checker does not know."""
    need("pyright")
    verify = ("--verifytypes", "sqreen_mw", "--ignoreexternal", "--outputjson")
    done = environment.check("pyright", *verify)
    symbols = json.loads(done.stdout)["typeCompleteness"]["symbols"]

    assert len(symbols) > 1000
    unknown = [each for each in symbols if each["isExported"] and is_unknown(each)]
    assert unknown == []


def is_unknown(symbol: dict[str, Any]) -> bool:
    """Tell whether a checker knows nothing of a part of what apps can import."""
    foreign = symbol["name"].startswith((*NOT_FOR_APPS, UNRESOLVED))
    said = [each["message"] for each in symbol["diagnostics"]]
    return not foreign and any(not any(hint in line for hint in INFERRED) for line in said)
