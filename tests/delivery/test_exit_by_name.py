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
def test_exit_resolves_the_collectors_name(
    runner: Runner, script: str, mutant: str, came: int
) -> None:
    """A new connection at the exit resolves the name, although no executor runs any more."""
    assert "localhost" in runner.collector.url
    runner.run(script, mutant)

    assert len(runner.names) == came
