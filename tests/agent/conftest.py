from collections.abc import Callable

import pytest

from tests.support.faulty_collector import collector
from tests.support.waiting import wait_until

__all__ = ["collector"]


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], object]:
    """Return the function that waits until a condition holds."""
    return wait_until
