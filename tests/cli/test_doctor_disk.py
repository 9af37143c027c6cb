import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.support.ports import free_port
from tests.support.spool_files import locked

NOBODY = 65534


@pytest.fixture
def read_only(command: Command) -> Iterator[Path]:
    """Make a directory without write permission, and give up root's rights meanwhile."""
    is_root = os.geteuid() == 0
    command("doctor", "--json")  # imports modules that possibly only root can read
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        if is_root:
            os.setresuid(NOBODY, NOBODY, 0)
        try:
            yield folder
        finally:
            if is_root:
                os.setresuid(0, 0, 0)
            folder.chmod(0o700)


@pytest.fixture(autouse=True)
def events_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Send events to a file that does not exist yet."""
    path = tmp_path / "events.jsonl"
    monkeypatch.setenv("SQREEN_URL", f"file://{path}")
    return path


def findings(command: Command, subject: str) -> list[tuple[str, str]]:
    """Return the levels and details of the findings about a subject."""
    found = json.loads(command("doctor", "--json").out)["findings"]
    return [(each["level"], each["detail"]) for each in found if each["subject"] == subject]


def test_writable_file_is_fine_and_unchanged(command: Command, events_file: Path) -> None:
    """The check does not create or change the file."""
    assert findings(command, "file") == [
        ("ok", f"{events_file} will be created with the first event")
    ]
    assert not events_file.exists()

    events_file.write_text("kept")
    assert findings(command, "file") == [("ok", f"{events_file} can be written")]
    assert events_file.read_text() == "kept"


def test_unusable_file_is_a_problem(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The finding names the cause and the fix, and the exit code is 1."""
    monkeypatch.setenv("SQREEN_URL", f"file://{tmp_path}")
    assert findings(command, "file") == [
        ("problem", f"{tmp_path} is a directory: choose a file in it")
    ]
    assert command("doctor").code == 1

    missing = tmp_path / "missing"
    monkeypatch.setenv("SQREEN_URL", f"file://{missing}/events")
    detail = (
        f"{missing}/events can't be created because the directory {missing} is missing: create it"
    )
    assert findings(command, "file") == [("problem", detail)]


def test_file_without_permission_is_a_problem(
    command: Command, read_only: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fix names the user and the variable."""
    fix = "give it to the user that the app runs as, or set SQREEN_URL to another path"
    monkeypatch.setenv("SQREEN_URL", f"file://{read_only}/events")
    [(level, detail)] = findings(command, "file")
    assert level == "problem"
    assert detail == (
        f"{read_only}/events can't be created because this user has no write permission for "
        f"{read_only}: {fix}"
    )

    monkeypatch.setenv("SQREEN_URL", "file:///etc/passwd")
    denied = f"/etc/passwd can't be written (Permission denied): {fix}"
    assert findings(command, "file") == [("problem", denied)]


def test_missing_spool_directory_is_fine(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The doctor does not create the directory; the app does."""
    spool = tmp_path / "var" / "spool"
    monkeypatch.setenv("SQREEN_SPOOL_DIR", str(spool))

    assert findings(command, "spool") == [("ok", f"{spool} will be created when the app starts")]
    assert not spool.parent.exists()


def test_spool_directory_that_cannot_be_created_is_a_problem(
    command: Command, read_only: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fix names the user and the variable."""
    monkeypatch.setenv("SQREEN_SPOOL_DIR", f"{read_only}/spool")

    [(level, detail)] = findings(command, "spool")

    assert level == "problem"
    assert f"this user has no write permission for {read_only}: give it to the user" in detail
    assert detail.endswith("or set SQREEN_SPOOL_DIR to another path")


@pytest.mark.slow
def test_spool_content_is_reported_and_unchanged(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The finding reports the size, warns of another app's events, and changes nothing."""
    spool = tmp_path / "spool"
    monkeypatch.setenv("SQREEN_SPOOL_DIR", str(spool))
    monkeypatch.setenv("SQREEN_APP_NAME", "shop")
    collector = {"SQREEN_URL": f"http://127.0.0.1:{free_port()}", "SQREEN_TOKEN": "t"}
    leave = "import sqreen_mw; sqreen_mw.track('left'); sqreen_mw.close()"
    subprocess.run([sys.executable, "-c", leave], check=True, env={**os.environ, **collector})
    before = {path.name: path.read_bytes() for path in spool.iterdir()}

    content = f"{spool} is private and can be written; it contains 0.0 of at most 64 MiB"
    assert findings(command, "spool") == [("ok", content)]
    monkeypatch.setenv("SQREEN_APP_NAME", "bank")
    [(_, _), (level, detail)] = findings(command, "spool")

    assert level == "warning"
    assert detail.startswith(f"1 files in {spool} contain events of another app")
    assert {path.name: path.read_bytes() for path in spool.iterdir()} == before


@pytest.mark.parametrize("collector", [False, True])
def test_spool_that_others_can_write_is_a_problem(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, collector: bool
) -> None:
    """The finding repeats the error of the app's start, whatever the destination is."""
    spool = tmp_path / "spool"
    spool.mkdir()
    spool.chmod(0o777)
    monkeypatch.setenv("SQREEN_SPOOL_DIR", str(spool))
    if collector:
        monkeypatch.setenv("SQREEN_URL", f"http://127.0.0.1:{free_port()}")
        monkeypatch.setenv("SQREEN_TOKEN", "t")
    detail = f"the app does not start because {spool} is not safe: other users may write to it"
    assert findings(command, "spool") == [("problem", f"{detail}: chmod 700 it")]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a directory away")
def test_spool_of_another_user_is_a_warning_for_root(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root, the app starts and does not use the directory, which may be its workers'."""
    spool = tmp_path / "spool"
    spool.mkdir(0o700)
    os.chown(spool, 65534, 65534)
    monkeypatch.setenv("SQREEN_SPOOL_DIR", str(spool))

    [(level, detail)] = findings(command, "spool")

    assert level == "warning"
    assert detail.startswith(f"the app starts because it runs as root, but does not use {spool}: ")


def test_read_only_spool_is_a_problem(
    command: Command, read_only: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The finding names the effect of a directory that can't be written."""
    monkeypatch.setenv("SQREEN_SPOOL_DIR", str(read_only))

    [(level, detail)] = findings(command, "spool")

    assert level == "problem"
    assert detail.startswith(f"{read_only} can't be used, so events wait in memory only")


def test_locked_spool_is_a_problem(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped process that holds the lock is reported."""
    monkeypatch.setenv("SQREEN_SPOOL_DIR", str(tmp_path))
    tmp_path.chmod(0o700)

    with locked(tmp_path / "spool-1.db"):
        [(level, detail)] = findings(command, "spool")

    assert level == "problem"
    assert "look for a stopped process" in detail


def test_disk_without_space_for_the_spool_is_a_warning(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The finding contains the free space and the setting."""
    free = shutil.disk_usage(tmp_path).free // 1024**2
    size = min(free * 2, 1024**2)
    tmp_path.chmod(0o700)
    monkeypatch.setenv("SQREEN_SPOOL_DIR", str(tmp_path))
    monkeypatch.setenv("SQREEN_SPOOL_SIZE", str(size))

    [(level, detail)] = findings(command, "spool")

    assert level == ("warning" if size > free else "ok")
    assert f"it contains 0.0 of at most {size:g} MiB" in detail


def test_disabled_app_needs_no_disk(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disabled app has no findings about its disk."""
    monkeypatch.setenv("SQREEN_SPOOL_DIR", str(tmp_path / "spool"))
    monkeypatch.setenv("SQREEN_DISABLE", "1")

    assert findings(command, "file") == findings(command, "spool") == []
