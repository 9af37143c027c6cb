import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from sqreen_mw.collector.state import open_state
from tests.cli.conftest import Command


def _read_until(terminal: int, text: bytes) -> bytes:
    shown = b""
    while text not in shown:
        assert select.select([terminal], [], [], 30)[0], shown
        shown += os.read(terminal, 1000)
    return shown


def _state_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'sqreen-mw' / 'state.db'}"


def test_create_reads_the_password_from_stdin(command: Command, tmp_path: Path) -> None:
    """The password is the first line of stdin and is not in the output."""
    ended = command(
        "users", "create", "ann", "--role", "viewer", "--password-stdin", stdin="correct horse\r\n"
    )

    assert (ended.code, ended.out) == (0, "ann is viewer\n")
    state = open_state(_state_url(tmp_path))
    user = state.users.authenticate("ann", "correct horse")
    state.close()
    assert user is not None
    assert user.role == "viewer"


def test_password_is_changed(command: Command, tmp_path: Path) -> None:
    """A user without a password gets one."""
    command("users", "create", "ann")

    ended = command("users", "password", "ann", stdin="battery staple")

    assert (ended.code, ended.out) == (0, "ann has a new password\n")
    state = open_state(_state_url(tmp_path))
    assert state.users.authenticate("ann", "battery staple") is not None
    state.close()


@pytest.mark.slow
def test_terminal_prompts_for_the_password(command: Command, tmp_path: Path) -> None:
    """A terminal prompts for the password and does not echo it."""
    command("users", "create", "ann")
    master, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "sqreen_mw", "users", "password", "ann"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    ) as process:
        os.close(terminal)
        shown = _read_until(master, b"Password: ")
        os.write(master, b"battery staple\n")
        shown += _read_until(master, b"new password")
        process.wait(30)
    os.close(master)

    assert process.returncode == 0
    assert b"battery" not in shown
    state = open_state(_state_url(tmp_path))
    assert state.users.authenticate("ann", "battery staple") is not None
    state.close()


def test_link_logs_in(command: Command, tmp_path: Path) -> None:
    """The link uses the collector's own URL or the given one."""
    command("users", "create", "ann")

    own = command("users", "link", "ann").out.strip()
    given = command("users", "link", "ann", "--url", "https://sqreen.example/x/").out.strip()

    assert own.startswith("http://127.0.0.1:7070/login/once?token=")
    assert given.startswith("https://sqreen.example/x/login/once?token=")
    state = open_state(_state_url(tmp_path))
    user = state.sessions.redeem_link(own.partition("=")[2])
    state.close()
    assert user is not None
    assert user.name == "ann"


def test_refusals_are_one_line(command: Command) -> None:
    """A refused change is one line on stderr, with exit code 1."""
    command("users", "create", "ann")

    for arguments, message in (
        (("users", "create", "ann"), "a user 'ann' already"),
        (("users", "link", "bob"), "no user 'bob'"),
        (("users", "password", "bob"), "no user 'bob'"),
        (("tokens", "create", "shop", "--scope", "root"), "got root"),
    ):
        ended = command(*arguments)
        assert ended.code == 1
        assert message in ended.err
        assert ended.err.count("\n") == 1
        assert ended.out == ""
