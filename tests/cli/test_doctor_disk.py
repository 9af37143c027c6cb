import fcntl
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

NOBODY = 65534


@pytest.fixture
def closed(command: Command, to_a_file: Path) -> Iterator[Path]:  # noqa: ARG001 it sets the scene
    """Make a folder that the user may not write to, who is not root meanwhile."""
    is_root = os.geteuid() == 0
    command("doctor", "--json")  # loads what only root may read, where Python is root's own
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
def to_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let events go to a file that can be made."""
    path = tmp_path / "events.jsonl"
    monkeypatch.setenv("SQREEN_URL", f"file://{path}")
    return path


def told(command: Command, subject: str) -> list[tuple[str, str]]:
    """Return the levels and details of what the doctor says of a subject."""
    findings = json.loads(command("doctor", "--json").out)["findings"]
    return [(each["level"], each["detail"]) for each in findings if each["subject"] == subject]


def test_a_file_that_can_be_written_is_fine_and_stays_as_it_is(
    command: Command, to_a_file: Path
) -> None:
    """A file is opened as the app does, and none is made."""
    assert told(command, "file") == [("fine", f"{to_a_file} is made with the first event")]
    assert not to_a_file.exists()

    to_a_file.write_text("kept")
    assert told(command, "file") == [("fine", f"{to_a_file} can be written")]
    assert to_a_file.read_text() == "kept"


def test_a_file_that_can_not_be_written_is_a_problem(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in the way is said with what to do, and the exit code is 1."""
    monkeypatch.setenv("SQREEN_URL", f"file://{tmp_path}")
    assert told(command, "file") == [("problem", f"{tmp_path} is a directory: name a file in it")]
    assert command("doctor").code == 1

    missing = tmp_path / "missing"
    monkeypatch.setenv("SQREEN_URL", f"file://{missing}/events")
    detail = f"{missing}/events can't be made, as there is no directory {missing}: make it"
    assert told(command, "file") == [("problem", detail)]


def test_a_file_of_another_user_is_a_problem(
    command: Command, closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the user may not write, the fix names the user and the variable."""
    remedy = "give it to the user that the app runs as, or name another place in SQREEN_URL"
    monkeypatch.setenv("SQREEN_URL", f"file://{closed}/events")
    [(level, detail)] = told(command, "file")
    assert level == "problem"
    assert detail == (
        f"{closed}/events can't be made, as this user may not write to {closed}: {remedy}"
    )

    monkeypatch.setenv("SQREEN_URL", "file:///etc/passwd")
    denied = f"/etc/passwd can't be written (Permission denied): {remedy}"
    assert told(command, "file") == [("problem", denied)]


def test_a_spool_that_is_not_there_is_made_by_the_app_alone(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The doctor makes no directory; it says that the app will."""
    spool = tmp_path / "var" / "spool"
    monkeypatch.setenv("SQREEN_SPOOL_DIR", str(spool))

    assert told(command, "spool") == [("fine", f"{spool} is made when the app starts")]
    assert not spool.parent.exists()


def test_a_spool_that_can_not_be_made_is_a_problem(
    command: Command, closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the user may not make it, the fix names the user and the variable."""
    monkeypatch.setenv("SQREEN_SPOOL_DIR", f"{closed}/spool")

    [(level, detail)] = told(command, "spool")

    assert level == "problem"
    assert f"this user may not write to {closed}: give it to the user" in detail
    assert detail.endswith("in SQREEN_SPOOL_DIR")


def test_a_spool_that_is_fine_tells_what_waits_there(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits there is told, also of another app's; nothing of it is touched."""
    spool = tmp_path / "spool"
    monkeypatch.setenv("SQREEN_SPOOL_DIR", str(spool))
    monkeypatch.setenv("SQREEN_APP_NAME", "shop")
    collector = {"SQREEN_URL": f"http://127.0.0.1:{free_port()}", "SQREEN_TOKEN": "t"}
    leave = "import sqreen_mw; sqreen_mw.track('left'); sqreen_mw.close()"
    subprocess.run([sys.executable, "-c", leave], check=True, env={**os.environ, **collector})
    before = {path.name: path.read_bytes() for path in spool.iterdir()}

    holds = f"{spool} is private and can be written; 0.0 of at most 64 MiB wait there"
    assert told(command, "spool") == [("fine", holds)]
    monkeypatch.setenv("SQREEN_APP_NAME", "bank")
    [(_, _), (level, detail)] = told(command, "spool")

    assert level == "warning"
    assert detail.startswith(f"1 files in {spool} hold events of another app")
    assert {path.name: path.read_bytes() for path in spool.iterdir()} == before


@pytest.mark.parametrize("collector", [False, True])
def test_a_spool_that_others_may_write_to_is_a_problem(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, collector: bool
) -> None:
    """It is said as the start of the app says it, wherever events go."""
    spool = tmp_path / "spool"
    spool.mkdir()
    spool.chmod(0o777)
    monkeypatch.setenv("SQREEN_SPOOL_DIR", str(spool))
    if collector:
        monkeypatch.setenv("SQREEN_URL", f"http://127.0.0.1:{free_port()}")
        monkeypatch.setenv("SQREEN_TOKEN", "t")
    detail = f"the app does not start, as {spool} is not safe: other users may write to it"
    assert told(command, "spool") == [("problem", f"{detail}: chmod 700 it")]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a directory away")
def test_a_spool_of_another_user_is_warned_of(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root the app starts with a directory that may be its workers': so it is said."""
    spool = tmp_path / "spool"
    spool.mkdir(0o700)
    os.chown(spool, 65534, 65534)
    monkeypatch.setenv("SQREEN_SPOOL_DIR", str(spool))

    [(level, detail)] = told(command, "spool")

    assert level == "warning"
    assert detail.startswith(f"as root the app starts, and does not use {spool}: it is another")


def test_a_spool_that_can_not_be_used_is_a_problem(
    command: Command, closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory that takes no file is told of, with what that costs."""
    monkeypatch.setenv("SQREEN_SPOOL_DIR", str(closed))

    [(level, detail)] = told(command, "spool")

    assert level == "problem"
    assert detail.startswith(f"{closed} can't be used, so events wait in memory only (Permission")


def test_a_spool_that_is_held_is_a_problem(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is stopped in the middle of its work there is to be looked for."""
    monkeypatch.setenv("SQREEN_SPOOL_DIR", str(tmp_path))
    tmp_path.chmod(0o700)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)

    [(level, detail)] = told(command, "spool")
    os.close(descriptor)

    assert level == "problem"
    assert "look for one that is stopped" in detail


def test_a_disk_without_room_for_the_spool_is_a_warning(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A spool that the disk can't hold is told of with what is left, and what to set."""
    free = shutil.disk_usage(tmp_path).free // 1024**2
    size = min(free * 2, 1024**2)
    tmp_path.chmod(0o700)
    monkeypatch.setenv("SQREEN_SPOOL_DIR", str(tmp_path))
    monkeypatch.setenv("SQREEN_SPOOL_SIZE", str(size))

    [(level, detail)] = told(command, "spool")

    assert level == ("warning" if size > free else "fine")
    assert f"0.0 of at most {size:g} MiB wait there" in detail


def test_what_is_off_writes_nothing(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An app that is switched off is asked for no place to write."""
    monkeypatch.setenv("SQREEN_SPOOL_DIR", str(tmp_path / "spool"))
    monkeypatch.setenv("SQREEN_DISABLE", "1")

    assert told(command, "file") == told(command, "spool") == []
