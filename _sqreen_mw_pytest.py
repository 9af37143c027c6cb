"""The pytest plugin of sqreen_mw. ``-p no:sqreen_mw`` disables it.

While the plugin is loaded, this process sends no events. The module is outside of the package,
because pytest imports it at every start and must not import the package.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sqreen_mw.testing import CapturedEvents


@pytest.fixture
def sqreen_events() -> Iterator["CapturedEvents"]:
    """Capture the events of a test. See ``sqreen_mw.testing.CapturedEvents``."""
    from sqreen_mw.testing import capture_events  # noqa: PLC0415 only tests that need it import it

    with capture_events() as events:
        yield events
