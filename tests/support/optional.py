"""Optional parts of the tests: packages, servers and browsers that may be missing.

Without one, its tests are skipped with a hint. ``scripts/test --full`` requires them all.
"""

import os
import shutil
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NoReturn

import pytest

REQUIRED: Final = os.environ.get("OPTIONAL_PARTS") == "required"


def missing(part: str) -> NoReturn:
    """Skip the test because a part is missing, or fail it if all parts are required."""
    hint = f"{part} is missing: install it, or run scripts/test --full"
    if REQUIRED:
        pytest.fail(hint)
    pytest.skip(hint, allow_module_level=True)


def need(*packages: str) -> None:
    """Require packages, by the names of their modules."""
    for package in packages:
        if find_spec(package) is None:
            missing(package)


def need_module(name: str, *, package: str) -> Any:
    """Return a module that needs a package."""
    need(package)
    return import_module(name)


def need_program(name: str) -> str:
    """Return the path of a program beside this Python, or on the PATH."""
    folders = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return shutil.which(name, path=folders) or missing(name)
