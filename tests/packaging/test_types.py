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

APP = Path(__file__).with_name("typed_app.py")
UNRESOLVED = ("sqreen_mw.examples.", "sqreen_mw.middleware.django")
"""The examples find each other by another name; Django is not there, and has no types."""

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

    assert set(sqreen_mw.__all__) <= used


def test_mypy_is_strict_and_content(environment: Environment) -> None:
    """Right uses have the types that they say, and each wrong one is found, by mypy --strict."""
    done = environment.check("mypy", "--strict", APP.name)

    assert done.returncode == 0, done.stdout


def test_pyright_is_strict_and_content(environment: Environment) -> None:
    """The same holds with pyright, the type checker of many editors."""
    pytest.importorskip("pyright", reason="no pyright: scripts/test --full")
    done = environment.check("pyright")

    assert done.returncode == 0, done.stdout


def test_every_type_is_known(environment: Environment) -> None:
    """Nothing that the wheel exports has a type that a checker would have to guess."""
    pytest.importorskip("pyright", reason="no pyright: scripts/test --full")
    verify = ("--verifytypes", "sqreen_mw", "--ignoreexternal", "--outputjson")
    done = environment.check("pyright", *verify)
    symbols = json.loads(done.stdout)["typeCompleteness"]["symbols"]

    assert len(symbols) > 1000
    assert [each["name"] for each in symbols if is_vague(each)] == []


def is_vague(symbol: dict[str, Any]) -> bool:
    """Tell whether a checker knows less of a symbol than it should."""
    known = symbol["isTypeKnown"] and not symbol["isTypeAmbiguous"]
    return symbol["isExported"] and not known and not symbol["name"].startswith(UNRESOLVED)
