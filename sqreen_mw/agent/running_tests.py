"""Recognizes a process that runs the tests of an app."""

import sys
from typing import Final

_PYTEST_PLUGIN: Final = "_sqreen_mw_pytest"
_TESTING: Final = "sqreen_mw.testing"


def has_pytest_plugin() -> bool:
    """Return whether our pytest plugin is loaded."""
    return _PYTEST_PLUGIN in sys.modules


def runs_tests() -> bool:
    """Return whether our pytest plugin or ``sqreen_mw.testing`` is loaded."""
    return has_pytest_plugin() or _TESTING in sys.modules
