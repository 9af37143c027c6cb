"""Test a real server: acknowledged events survive."""

import gzip
import socket
import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from pathlib import Path

import httpx2
import pytest

from sqreen_mw.collector.events import open_event_store
from sqreen_mw.collector.events.base import EventQuery
from sqreen_mw.protocol.limits import MAX_WIRE_BYTES
from tests.collector.api.wire import wire_event
from tests.collector.events.examples import walk
from tests.support.collector_process import CollectorProcess, run_collector
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.slow

EVERYTHING = EventQuery(start=0, end=2**50)


def _post(client: httpx2.Client, names: list[str]) -> list[str]:
    events = [wire_event(name) for name in names]
    answer = client.post("/v1/events", json={"events": events})
    assert answer.status_code == 202, answer.text
    assert answer.json()["accepted"] == len(events)
    return names


def _bearer(token: str | None) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _acknowledged_until_killed(server: CollectorProcess, token: str, *, name: str) -> set[str]:
    """Send batches from four threads, kill the server, and return the acknowledged names."""
    client = httpx2.Client(base_url=server.url, headers=_bearer(token), timeout=PATIENCE)
    with client, ThreadPoolExecutor(4) as pool:
        sent = [
            pool.submit(_post, client, [f"{name}.{batch}.{n}" for n in range(50)])
            for batch in range(200)
        ]
        for _ in islice(as_completed(sent), 20):
            pass
        server.process.kill()
        pool.shutdown(cancel_futures=True)
    done = [future for future in sent if not future.cancelled() and not future.exception()]
    return {name for future in done for name in future.result()}


def test_sigkill_loses_no_acknowledged_event(tmp_path: Path) -> None:
    """After five SIGKILLs no acknowledged event is lost, doubled or partial."""
    acknowledged: set[str] = set()
    token = ""
    for number in range(5):
        with run_collector(tmp_path) as server:
            token = token or server.first_token or ""
            acknowledged |= _acknowledged_until_killed(server, token, name=f"round{number}")

    store = open_event_store(f"sqlite:///{tmp_path / 'events.db'}")
    stored = Counter(found.event.name for found in walk(store, EVERYTHING, limit=1000))
    store.close()
    assert len(acknowledged) >= 5 * 20 * 50
    assert acknowledged <= set(stored)
    assert set(stored.values()) == {1}
    batches = Counter(name.rpartition(".")[0] for name in stored)
    assert set(batches.values()) == {50}
    connection = sqlite3.connect(tmp_path / "events.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_zip_bombs_use_little_memory(tmp_path: Path) -> None:
    """Batches that inflate to half a gigabyte are rejected with less than 10 MiB."""
    bomb = gzip.compress(b'{"events": [' + b" " * 500_000_000, 6)
    assert len(bomb) < MAX_WIRE_BYTES
    headers = {"content-type": "application/json", "content-encoding": "gzip"}

    with run_collector(tmp_path) as server:
        with httpx2.Client(
            base_url=server.url, headers=_bearer(server.first_token), timeout=PATIENCE
        ) as client:
            _post(client, ["warm.up"])
        before = _peak_kib(server.process.pid)
        for _ in range(4):
            answer = httpx2.post(
                f"{server.url}/v1/events",
                content=bomb,
                headers=headers | _bearer(server.first_token),
                timeout=PATIENCE,
            )
            assert answer.status_code == 413
        grown = _peak_kib(server.process.pid) - before

    assert grown < 10 * 1024


def _peak_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def test_ingest_rejects_bad_token_type_body_and_size(tmp_path: Path) -> None:
    """The real server rejects bad tokens, types, bodies and sizes."""
    with run_collector(tmp_path) as server:
        url, good = f"{server.url}/v1/events", _bearer(server.first_token)
        json = {"content-type": "application/json"}
        answers = [
            httpx2.post(url, content=content, headers=headers, timeout=PATIENCE).status_code
            for content, headers in (
                (b"{}", json | _bearer("sqm_x_y")),
                (b"{}", good),
                (b"{", json | good),
                (b" " * (MAX_WIRE_BYTES + 1), json | good),
                (b" " * (5 * MAX_WIRE_BYTES), json | good),
            )
        ]
        partial = httpx2.post(
            url, json={"events": [wire_event(), {"x": 1}]}, headers=good, timeout=PATIENCE
        )

    assert answers == [401, 415, 400, 413, 413]
    assert partial.status_code == 202
    assert [rejected["index"] for rejected in partial.json()["rejected"]] == [1]


def test_disconnected_client_is_not_logged(tmp_path: Path) -> None:
    """A client that disconnects during a batch logs nothing."""
    with run_collector(tmp_path) as server:
        host, _, port = server.url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
            connection.sendall(
                b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Authorization: Bearer %s\r\nContent-Length: 100\r\n\r\n{"
                % str(server.first_token).encode()
            )
        health = httpx2.get(f"{server.url}/healthz", timeout=PATIENCE)
        server.process.terminate()
        _, err = server.process.communicate(timeout=PATIENCE)

    assert health.status_code == 200
    assert (server.process.returncode, err) == (0, "")
