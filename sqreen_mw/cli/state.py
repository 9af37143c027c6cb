"""The state store, opened by a command: what is needed before the collector can be asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqreen_mw.collector.settings import load_settings
from sqreen_mw.collector.state import State, open_state


@contextmanager
def opened_state(*, data_dir: Path | None, state_url: str | None) -> Iterator[State]:
    """Hold the state that the options or the environment name."""
    settings = load_settings({"data_dir": data_dir, "state_url": state_url})
    state = open_state(settings.state_url)
    try:
        yield state
    finally:
        state.close()
