import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

import sqreen_mw
from sqreen_mw.agent.delivery.transports.local import memory_events
from sqreen_mw.agent.runtime import forget
from sqreen_mw.protocol.event import Event

# Slow machines fail no test: speed is the benchmarks' business.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def clean_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start each test without settings, and end it without an agent."""
    for name in list(os.environ):
        if name.startswith("SQREEN_") and name not in {"SQREEN_BROWSER", "SQREEN_CHROMIUM"}:
            monkeypatch.delenv(name)
        if name.upper() in {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}:
            monkeypatch.delenv(name)
    yield
    sqreen_mw.close(timeout=2.0)
    forget()


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """Send this test's events to memory, and return the list that they arrive in."""
    url = "memory://test"
    monkeypatch.setenv("SQREEN_URL", url)
    events = memory_events(url)
    events.clear()
    return events
