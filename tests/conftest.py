import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

import sqreen_mw.testing  # shows that this process runs tests, without the pytest plugin
from sqreen_mw.agent.delivery.transports.local import memory_events
from sqreen_mw.agent.runtime import forget
from sqreen_mw.protocol.event import Event

SLOW_FOLDERS = (
    "tests/benchmarks/",
    "tests/delivery/",
    "tests/frameworks/",
    "tests/functional/",
    "tests/packaging/",
    "tests/servers/",
)
"""All tests of these folders start processes. Slow tests of other folders have the mark."""

# A slow machine is no failure. Speed is measured in benchmarks/.
settings.register_profile("no deadline", deadline=None)
settings.register_profile("few examples", deadline=None, max_examples=20)


def pytest_configure(config: pytest.Config) -> None:
    """Try fewer examples without the slow tests, and handle signals that the caller ignores.

    The processes of the tests inherit ignored signals, such as those of nohup.
    """
    is_quick = "not slow" in config.option.markexpr
    settings.load_profile("few examples" if is_quick else "no deadline")
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            is_ctrl_c = number == signal.SIGINT
            signal.signal(number, signal.default_int_handler if is_ctrl_c else signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of slow folders, and those that drive a browser."""
    for item in items:
        if item.nodeid.startswith(SLOW_FOLDERS) or item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.slow)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Run named files or folders in one process, anything else with one per core."""
    return 0 if config.args_source is pytest.Config.ArgsSource.ARGS else None


@pytest.fixture(autouse=True)
def clean_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start each test without settings, and close its agent at the end."""
    for name in list(os.environ):
        if name.startswith("SQREEN_"):
            monkeypatch.delenv(name)
        if name.upper() in {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}:
            monkeypatch.delenv(name)
    yield
    sqreen_mw.close(timeout=2.0)
    forget()


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """Send this test's events to memory, and return the list that receives them."""
    url = "memory://test"
    monkeypatch.setenv("SQREEN_URL", url)
    events = memory_events(url)
    events.clear()
    return events
