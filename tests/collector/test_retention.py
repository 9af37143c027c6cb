"""Old events are deleted if the collector has a number of days to keep."""

from pathlib import Path

import pytest

from sqreen_mw.collector.events.sqlite import SqliteEventStore
from sqreen_mw.collector.retention import Retention
from sqreen_mw.collector.services import open_services
from sqreen_mw.collector.settings import Settings, load_settings
from sqreen_mw.errors import ConfigurationError
from tests.collector.events.examples import ANY_TIME, NOW, batch, event
from tests.support.waiting import wait_until

DAY = 24 * 60 * 60 * 1000


def test_whole_days_are_deleted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A day goes when its last millisecond is too old, with one log line."""
    caplog.set_level("INFO")
    store = SqliteEventStore(tmp_path / "events.db")
    store.append(batch([event(at=NOW - number * DAY) for number in range(5)]))
    retention = Retention(store, days=0, clock=lambda: NOW)

    retention._days = 2  # noqa: SLF001 - without its thread
    retention.delete_old()
    retention.delete_old()

    kept = [NOW - found.event.timestamp for found in store.page(ANY_TIME).events]
    assert kept == [0, DAY, 2 * DAY]
    assert caplog.messages == ["2 files of events older than 2 days are deleted (--keep-days)"]
    store.close()


def test_closed_store_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A failure does not end the thread."""
    store = SqliteEventStore(tmp_path / "events.db")
    retention = Retention(store, days=0, clock=lambda: NOW)
    store.close()

    retention.delete_old()

    assert "it is closed" in caplog.text


def test_collector_deletes_old_events_at_its_start(tmp_path: Path) -> None:
    """The setting has effect at the start, and the thread ends with the collector."""
    store = SqliteEventStore(tmp_path / "events.db")
    store.append(batch([event()]))
    store.close()

    services = open_services(Settings(data_dir=tmp_path, keep_days=30))

    wait_until(lambda: not services.events.page(ANY_TIME).events)
    services.close()


@pytest.mark.parametrize("text", ["-1", "x", "1.5", "40000"])
def test_wrong_number_of_days_is_refused(text: str) -> None:
    """The message names the setting and its range."""
    with pytest.raises(ConfigurationError, match=r"(a number from|use) 0 to 36500"):
        load_settings({}, environ={"SQREEN_COLLECTOR_KEEP_DAYS": text, "HOME": "/root"})
