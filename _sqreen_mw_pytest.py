"""The pytest plugin of sqreen_mw; ``-p no:sqreen_mw`` switches it off.

That it is loaded keeps this process's events from the network. It lies outside of the package so
that pytest, which loads it first of all, need not load the package.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sqreen_mw.testing import CapturedEvents


@pytest.fixture
def sqreen_events() -> Iterator["CapturedEvents"]:
    """Catch the events that the test tracks; see ``sqreen_mw.testing.CapturedEvents``."""
    from sqreen_mw.testing import capture_events  # noqa: PLC0415 only tests that ask for it pay

    with capture_events() as events:
        yield events
