import pytest

from tests.delivery.conftest import Runner

AT_ONCE = """
import threading
import sqreen_mw as sqreen

for _ in range(1000):
    sqreen.track("x")
"""

RECONNECTING = """
import threading
import sqreen_mw as sqreen
from sqreen_mw.agent.delivery.transports import http

http.KEEP_SECONDS = 0.0  # the next batch needs a new connection
sqreen.track("x")
assert sqreen.flush()
sqreen.track("x")
"""


@pytest.mark.parametrize(
    ("script", "mutant", "came"),
    [
        (AT_ONCE, "", 1000),
        (AT_ONCE, "asyncio's resolver", 0),
        (RECONNECTING, "", 2),
        (RECONNECTING, "asyncio's resolver", 1),
    ],
)
def test_exit_resolves_the_collectors_name(
    runner: Runner, script: str, mutant: str, came: int
) -> None:
    """A new connection at the exit resolves the name, although no executor runs any more."""
    assert "localhost" in runner.collector.url
    runner.close_each_connection()
    runner.run(script, mutant)

    assert len(runner.names) == came
