"""``sqreen-mw import`` with a collector in its own process."""

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.support.collector_process import CollectorProcess, run_collector

HEADER = "event,timestamp,email,plan\n"
ROW = "coupon.applied,2024-03-01T10:00:00Z,a@example.org,"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    """Return a collector for all tests of this module; each uses its own app."""
    with run_collector(tmp_path_factory.mktemp("collector")) as running:
        yield running


@pytest.fixture
def place(
    collector: CollectorProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> str:
    """Work in an empty folder with the token of a new app, and return the app."""
    app = "".join(each for each in request.node.name if each.isalnum())[:60].lower()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SQREEN_URL", collector.url)
    monkeypatch.setenv("SQREEN_TOKEN", collector.new_token(app, "import"))
    return app


def write(text: str, name: str = "past.csv") -> str:
    """Write a file and return its name."""
    Path(name).write_text(text)
    return name


def rejects(name: str = "past.csv.rejects.ndjson") -> list[dict[str, Any]]:
    """Return the rows of the rejects file."""
    return [json.loads(line) for line in Path(name).read_text().splitlines()]


def test_rows_are_stored_once(command: Command, collector: CollectorProcess, place: str) -> None:
    """A second run stores nothing, and identical rows of one file are several events."""
    name = write(f"{HEADER}{ROW}gold\n{ROW}gold\n{ROW}blue\n")

    first = command("import", name, "--json", "--env", "past")
    second = command("import", name, "--json", "--env", "past")

    assert (first.code, json.loads(first.out)["stored"]) == (0, 3)
    assert (second.code, json.loads(second.out)["duplicates"]) == (0, 3)
    found = collector.events(place, since=0)
    assert len(found) == 3
    assert {(row["env"], row["imported"]) for row in found} == {("past", True)}
    assert {*Path().iterdir()} == {Path(name)}


def test_pipe_is_imported(command: Command, collector: CollectorProcess, place: str) -> None:
    """A dash reads NDJSON from stdin."""
    lines = '{"event": "a", "timestamp": 1709287200}\n{"event": "b", "timestamp": 1709287201}\n'

    ended = command("import", "-", stdin=lines)

    assert ended.code == 0
    assert ended.out.startswith("Rows read: 2, stored: 2, duplicates: 0, rejected: 0")
    assert [row["event"]["event"] for row in collector.events(place, since=0)] == ["b", "a"]


def test_rejected_rows_are_listed(
    command: Command, collector: CollectorProcess, place: str
) -> None:
    """The rejects file has the line, the reason and the text of each rejected row."""
    name = write(f'{HEADER}{ROW}gold\nx,yesterday,,\n{ROW}\nshort\nx,1709287200,,"no end\n')

    ended = command("import", name, "--json")

    assert ended.code == 1
    assert json.loads(ended.out) == {
        "read": 5, "stored": 2, "duplicates": 0, "rejected": 3, "skipped": 0
    }  # fmt: skip
    assert "3 rows were rejected, see past.csv.rejects.ndjson" in ended.err
    assert [(each["line"], each["row"]) for each in rejects()] == [
        (3, "x,yesterday,,"),
        (5, "short"),
        (6, 'x,1709287200,,"no end'),
    ]
    assert Path("past.csv.rejects.ndjson").stat().st_mode & 0o777 == 0o600
    assert len(collector.events(place, since=0)) == 2


def test_dry_run_stores_nothing(command: Command, collector: CollectorProcess, place: str) -> None:
    """A dry run shows the mapping, the masked events and the rejects, and needs no collector."""
    name = write("event,time,user_id,password\na,1709287200,7,hunter22\nb,,7,x\n")

    ended = command("import", name, "--dry-run", "--json", "--url", "http://127.0.0.1:9")
    table = command("import", name, "--dry-run")

    shown = json.loads(ended.out)
    assert shown["mapping"]["timestamp"] == "time"
    assert shown["events"][0]["user_identifiers"] == {"user_id": "7"}
    assert shown["rejects"] == [{"line": 3, "reason": "the timestamp is missing"}]
    assert "hunter22" not in ended.out + table.out
    assert "line 3 would be rejected" in table.out
    assert collector.events(place, since=0) == []


def test_trusted_rows_are_not_masked(
    command: Command, collector: CollectorProcess, place: str
) -> None:
    """Secrets are masked unless the rows are trusted."""
    name = write("event,timestamp,password\na,1709287200,hunter22\n")
    other = write("event,timestamp,password\nb,1709287201,hunter22\n", "other.csv")

    command("import", name)
    command("import", other, "--trusted")

    found = [row["event"]["properties"] for row in collector.events(place, since=0)]
    assert found == [{"password": "hunter22"}, {"password": "<Redacted by Sqreen>"}]


def test_mapping_is_saved_and_used(
    command: Command, collector: CollectorProcess, place: str
) -> None:
    """The guessed columns are written to a file, which can be changed and used."""
    name = write("action,ts,who\nlogin,1709287200,ann\n")
    command("import", name, "--dry-run", "--save-mapping", "columns.json")
    mapping = json.loads(Path("columns.json").read_text())
    Path("columns.json").write_text(json.dumps(mapping | {"user_identifiers": {"login": "who"}}))

    ended = command("import", name, "--mapping", "columns.json")

    assert ended.code == 0
    assert collector.events(place, since=0)[0]["event"]["user_identifiers"] == {"login": "ann"}


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("missing.csv",), "missing.csv: No such file"),
        (("past.csv", "--timezone", "Mars"), "--timezone 'Mars' is unknown"),
        (("past.csv", "--format", "xml"), "--format 'xml': use one of ndjson"),
        (("past.csv", "--preset", "x"), "--preset 'x': use posthog or combined"),
        (("past.csv", "--mapping", "x.json"), "--mapping x.json: "),
        (("past.csv", "--url", "ftp://x"), "--url 'ftp://x' must begin with http"),
        (("past.csv", "--token", "sqm_wrong"), "the collector answers 401"),
        (("past.csv", "--token", ""), "--token or SQREEN_TOKEN is missing"),
        (("empty.csv",), "the file is empty"),
        (("other.csv",), "no column looks like the event or the timestamp among a, b"),
        (("past.csv", "empty.csv", "--rejects", "x"), "--rejects is for one file"),
    ],
)
@pytest.mark.usefixtures("place")
def test_wrong_option_is_one_line(command: Command, options: tuple[str, ...], error: str) -> None:
    """A wrong option ends with 2 and one line that names it."""
    write(f"{HEADER}{ROW}gold\n")
    write("", "empty.csv")
    write("a,b\n1,2\n", "other.csv")

    ended = command("import", *options)

    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"sqreen-mw: {error}")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize(
    ("saved", "near"), [("emial", "email"), ("evnt", "event"), ("plam", "plan")]
)
@pytest.mark.usefixtures("place")
def test_wrong_column_is_named(command: Command, saved: str, near: str) -> None:
    """A mapping with a missing column names it and the nearest one."""
    columns = {"event": "event", "timestamp": "timestamp", "properties": {"x": saved}}
    write(json.dumps(columns), "columns.json")

    ended = command("import", write(HEADER + ROW), "--mapping", "columns.json")

    assert ended.code == 2
    assert f"the column '{saved}'" in ended.err
    assert f"did you mean '{near}'?" in ended.err


def test_killed_import_continues(collector: CollectorProcess, place: str) -> None:
    """An import that is killed three times and interrupted once has exact numbers at the end."""
    bad = [3, 700, 5200, 11_999]
    rows = [f"{ROW}{number // 2}" if number not in bad else "x,," for number in range(12_000)]
    name = write(HEADER + "\n".join(rows) + "\n")
    line = [sys.executable, "-m", "sqreen_mw", "import", name, "--json"]
    rng = random.Random(7)

    for number in (signal.SIGKILL, signal.SIGINT, signal.SIGKILL, signal.SIGKILL):
        with subprocess.Popen(
            line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            progress = Path(f"{name}.rejects.ndjson.progress")
            before = progress.read_bytes() if progress.exists() else b""
            while process.poll() is None and before == (
                progress.read_bytes() if progress.exists() else b""
            ):
                time.sleep(rng.random() / 100)
            process.send_signal(number)
    ended = subprocess.run(line, capture_output=True, text=True, check=False)

    summary = json.loads(ended.stdout)
    assert ended.returncode == 1
    assert summary["skipped"] > 0
    assert summary["read"] == 12_000
    assert summary["stored"] + summary["duplicates"] == 12_000 - len(bad)
    assert [each["line"] for each in rejects()] == [number + 2 for number in bad]
    assert len(collector.events(place, since=0)) == 12_000 - len(bad)
