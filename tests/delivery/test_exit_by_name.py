import pytest

from tests.delivery.conftest import Runner

AT_ONCE = """
import threading
import sqreen_mw as sqreen

for _ in range(1000):
    sqreen.track("x")
"""

AFTER_A_WHILE = """
import threading
import time
import sqreen_mw as sqreen

sqreen.track("x")
assert sqreen.flush()
time.sleep(5.5)
sqreen.track("x")
"""


@pytest.mark.parametrize(
    ("script", "mutant", "came"),
    [
        (AT_ONCE, "", 1000),
        (AT_ONCE, "asyncio's resolver", 0),
        (AFTER_A_WHILE, "", 2),
        (AFTER_A_WHILE, "asyncio's resolver", 1),
    ],
)
def test_a_host_name_is_known_at_exit(runner: Runner, script: str, mutant: str, came: int) -> None:
    """A connection that is made anew at exit finds the collector by its name."""
    assert "localhost" in runner.collector.url
    runner.run(script, mutant)

    assert len(runner.names) == came
