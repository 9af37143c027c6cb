from tests.delivery.conftest import Runner

NO_THREAD_RUNS = """
import _thread
import logging
import sys
import sqreen_mw as sqreen
from sqreen_mw.agent.delivery import flusher

logging.basicConfig(stream=sys.stdout, format="%(message)s")
flusher.THREAD_START_SECONDS = -1.0
_thread.start_new_thread = lambda *_: 0
for _ in range(3):
    sqreen.track("x")
print(sqreen.stats().waiting, sqreen.close(0.1))
"""


def test_thread_that_never_runs_is_logged(runner: Runner) -> None:
    """If the server runs no threads, as an old uWSGI does, one line is logged and nothing hangs."""
    said, counts = runner.run(NO_THREAD_RUNS).splitlines()[::2]

    assert said == "the flusher's thread does not run, set uWSGI's option enable-threads"
    assert counts == "3 3"
