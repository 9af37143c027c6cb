from pathlib import Path
from typing import Any

import pytest

from sqreen_mw.collector import store_health
from tests.collector.api.conftest import Collector


def reports(collector: Collector, *, ready: bool) -> dict[str, Any]:
    """Return the readiness of each store by name."""
    answer = collector.client.get("/readyz")
    assert answer.status_code == (200 if ready else 503)
    assert answer.json()["status"] == ("ready" if ready else 503)
    return {report["name"]: report for report in answer.json()["stores"]}


def test_health_check_succeeds(collector: Collector) -> None:
    """A running collector reports ok without authentication."""
    answer = collector.client.get("/healthz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


def test_health_check_supports_head(collector: Collector) -> None:
    """HEAD gets the same answer without a body."""
    answer = collector.client.head("/healthz")

    assert (answer.status_code, answer.content) == (200, b"")


def test_health_check_does_not_use_the_stores(collector: Collector) -> None:
    """A restart does not repair a store, so only the readiness fails."""
    collector.services.events.close()

    assert collector.client.get("/healthz").status_code == 200
    found = reports(collector, ready=False)
    assert (found["events"]["writable"], found["state"]["writable"]) == (False, True)
    assert "cannot be written" in found["events"]["detail"]


def test_ready_collector_reports_each_store(collector: Collector) -> None:
    """Both stores are writable, in place, and have free space."""
    for report in reports(collector, ready=True).values():
        assert report["writable"]
        assert report["detail"] is None
        assert report["file"] == "in place"
        assert report["free_bytes"] > 0
        assert report["integrity"]["result"] == "unknown"


@pytest.mark.parametrize("name", ["events", "state"])
@pytest.mark.parametrize("journal", ["", "-wal"])
@pytest.mark.parametrize("replaced", [False, True])
def test_missing_file_is_not_ready(
    collector: Collector, tmp_path: Path, name: str, journal: str, *, replaced: bool
) -> None:
    """A file that was deleted or replaced while it was open loses what is stored now."""
    path = tmp_path / f"{name}.db{journal}"
    path.rename(tmp_path / "moved.db")
    if replaced:
        path.touch()

    found = reports(collector, ready=False)

    assert found[name]["file"] == ("replaced" if replaced else "deleted")


def test_full_disk_is_not_ready(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too little free space is reported before the disk is full."""
    monkeypatch.setattr(store_health, "MIN_FREE_BYTES", 2**60)

    assert reports(collector, ready=False)["events"]["writable"]


def test_reports_are_used_again_for_a_moment(collector: Collector) -> None:
    """Many requests do not write many times."""
    before = collector.client.get("/readyz").json()

    collector.services.events.close()

    assert collector.client.get("/readyz").json() == before
