"""``sqreen-mw import`` with a collector that fails."""

import json
import threading
from pathlib import Path

import pytest

from sqreen_mw.cli.imports.sender import Sender, UnreachableError
from sqreen_mw.errors import ConfigurationError
from tests.cli.conftest import Command
from tests.support.faulty_collector import Answer, FaultyCollector, collector

__all__ = ["collector"]

BATCH = b'{"events": [{"id": "x", "event": "a"}]}'


@pytest.mark.parametrize("status", [429, 500, 503])
def test_batch_is_sent_again(collector: FaultyCollector, status: int) -> None:
    """A failure that can pass is retried after the time that the collector names."""
    collector.answers = [Answer(status, {"Retry-After": "0"})]
    sender = Sender(collector.url, "sqm_x")

    answer = sender.send(BATCH)
    sender.close()

    assert (answer.accepted, len(collector.posts)) == (1, 2)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
def test_refused_batch_is_not_sent_again(collector: FaultyCollector, status: int) -> None:
    """A lasting refusal ends the import with the collector's reason."""
    collector.answers = [Answer(status, body=json.dumps({"detail": "the reason"}).encode())]
    sender = Sender(collector.url, "sqm_x")

    with pytest.raises(ConfigurationError, match=f"answers {status}: the reason"):
        sender.send(BATCH)
    sender.close()

    assert len(collector.posts) == 1


def test_stop_ends_the_attempts(collector: FaultyCollector) -> None:
    """After Ctrl-C no batch waits for its next attempt."""
    collector.answers = [Answer(503, {"Retry-After": "30"})] * 3
    sender = Sender(collector.url, "sqm_x")
    threading.Timer(0.05, sender.stop).start()

    with pytest.raises(UnreachableError, match="answers 503"):
        sender.send(BATCH)
    sender.close()


def test_unreachable_collector_has_its_own_exit_code(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The command exits with 3 after the last attempt, and can be continued."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sqreen_mw.cli.imports.sender.MAX_ATTEMPTS", 1)
    Path("past.csv").write_text("event,timestamp\na,1709287200\n")

    ended = command("import", "past.csv", "--url", "http://127.0.0.1:9", "--token", "sqm_x")

    assert (ended.code, ended.out) == (3, "")
    assert ended.err.startswith("sqreen-mw: http://127.0.0.1:9/v1/import does not store events: ")
    assert "run the same command again to continue" in ended.err
