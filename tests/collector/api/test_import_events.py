from typing import Any

import pytest

from sqreen_mw.protocol.mask import MASK
from tests.collector.api.conftest import Collector
from tests.collector.api.wire import wire_event

SECRET = {"password": "hunter22"}


def imported(collector: Collector, *events: dict[str, Any], **params: Any) -> Any:
    """Send a batch with a token for imports and return the answer."""
    return collector.client.post(
        "/v1/import",
        json={"events": events, "env": "past"},
        headers=collector.headers("import"),
        params=params,
    )


def stored(collector: Collector, event: dict[str, Any]) -> Any:
    """Return the stored event."""
    return collector.services.events.get("default", event["id"])


def test_imported_events_are_marked(collector: Collector) -> None:
    """An imported event is stored with the mark that keeps it from triggering responses."""
    old, live = wire_event(timestamp=1_400_000_000_000), wire_event()

    answer = imported(collector, old, {"x": 1})
    collector.send(live)

    assert answer.status_code == 202
    assert (answer.json()["accepted"], answer.json()["rejected"][0]["index"]) == (1, 1)
    assert (stored(collector, old).imported, stored(collector, old).env) == (True, "past")
    assert stored(collector, live).imported is False


@pytest.mark.parametrize(
    ("params", "value"),
    [({}, MASK), ({"trusted": "false"}, MASK), ({"trusted": "true"}, "hunter22")],
)
def test_secrets_are_masked_unless_trusted(
    collector: Collector, params: dict[str, str], value: str
) -> None:
    """The collector masks secrets itself, unless the request states that there are none."""
    event = wire_event(properties=SECRET)

    imported(collector, event, **params)

    assert stored(collector, event).event.properties == {"password": value}


def test_masking_applies_to_imports_only(collector: Collector) -> None:
    """A batch of the SDK is scrubbed already, and stored as it is."""
    event = wire_event(properties=SECRET)

    collector.send(event)

    assert stored(collector, event).event.properties == SECRET


@pytest.mark.parametrize("scopes", [("ingest", "decisions:read"), ("query",), ("admin",)])
def test_other_scopes_may_not_import(collector: Collector, scopes: tuple[str, ...]) -> None:
    """Only the scope import allows imports, and it allows nothing else."""
    headers = collector.headers(*scopes)

    answer = collector.client.post("/v1/import", json={"events": []}, headers=headers)
    other = collector.client.post("/v1/events", json={}, headers=collector.headers("import"))

    assert (answer.status_code, other.status_code) == (403, 403)
    assert "--scope import" in answer.json()["detail"]


def test_repeated_import_stores_nothing_twice(collector: Collector) -> None:
    """The events of a repeated import are duplicates."""
    events = [wire_event(), wire_event()]
    imported(collector, *events)

    assert imported(collector, *events).json()["duplicates"] == 2
