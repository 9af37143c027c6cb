import json
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

    assert (ended.code, ended.out) == (0, "created ann (viewer)\n")
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


def test_new_user_is_a_viewer_without_a_password(command: Command) -> None:
    """The output names the role and the command that prints a sign-in link."""
    ended = command("users", "create", "ann lee")

    assert ended.code == 0
    assert ended.out == "created ann lee (viewer)\nnext: sqreen-mw users link 'ann lee'\n"


def test_list_shows_roles_and_sign_ins(command: Command, tmp_path: Path) -> None:
    """Each row has the name, the role, and the latest sign-in."""
    command("users", "create", "bob", "--role", "admin", "--password-stdin", stdin="correct horse")
    command("users", "create", "ann")
    state = open_state(_state_url(tmp_path))
    ann = state.users.by_name("ann")
    assert ann is not None
    state.sessions.open(ann)
    state.close()

    listed = json.loads(command("users", "list", "--json").out)
    shown = command("users", "list").out

    assert [(row["name"], row["role"], row["has_password"]) for row in listed] == [
        ("ann", "viewer", False),
        ("bob", "admin", True),
    ]
    assert [row["signed_in_at"] is None for row in listed] == [False, True]
    assert "never" in shown
    assert shown.index("ann") < shown.index("bob")


def test_empty_list_names_the_create_command(command: Command) -> None:
    """Without a user, the output names the command that creates one."""
    command("tokens", "create", "shop")

    assert "sqreen-mw users create NAME" in command("users", "list").out


def test_role_is_changed(command: Command) -> None:
    """The new role is listed, and losing the last admin is reported."""
    command("users", "create", "ann", "--role", "admin")

    ended = command("users", "role", "ann", "analyst")

    assert (ended.code, ended.out) == (0, "ann is analyst\n")
    assert "sqreen-mw users role NAME admin" in ended.err
    assert json.loads(command("users", "list", "--json").out)[0]["role"] == "analyst"
    assert command("users", "role", "ann", "admin").err == ""


def test_removed_user_is_signed_out(command: Command, tmp_path: Path) -> None:
    """The account, its sessions and its sign-in links are gone."""
    command("users", "create", "root", "--role", "admin")
    command("users", "create", "ann")
    state = open_state(_state_url(tmp_path))
    ann = state.users.by_name("ann")
    assert ann is not None
    session, link = state.sessions.open(ann), state.sessions.issue_link(ann, lifetime=60)

    ended = command("users", "remove", "ann")

    assert (ended.code, ended.out, ended.err) == (0, "removed ann\n", "")
    assert state.sessions.find(session) is None
    assert state.sessions.redeem_link(link) is None
    state.close()


def test_link_logs_in(command: Command, tmp_path: Path) -> None:
    """The link has the URL at which the collector was started last, or the given one."""
    command("users", "create", "ann")
    state = open_state(_state_url(tmp_path))
    state.served_url.set("http://127.0.0.1:7171")

    own = command("users", "link", "ann").out.strip()
    given = command("users", "link", "ann", "--url", "https://sqreen.example/x/").out.strip()

    assert own.startswith("http://127.0.0.1:7171/login/once?token=")
    assert given.startswith("https://sqreen.example/x/login/once?token=")
    user = state.sessions.redeem_link(own.partition("=")[2])
    state.close()
    assert user is not None
    assert user.name == "ann"


def test_link_of_an_unknown_collector_needs_a_url(command: Command) -> None:
    """A secret link never leads to another program on the default port."""
    command("users", "create", "ann")

    ended = command("users", "link", "ann")

    assert (ended.code, ended.out) == (1, "")
    assert "start it once, or give the address with --url" in ended.err


@pytest.mark.parametrize(
    "url", ["", "sqreen.example", "ftp://x", "https://", "https://x/?q=1", "https://a:b@x"]
)
def test_link_refuses_an_invalid_url(command: Command, url: str) -> None:
    """The error names the option and shows a valid URL."""
    command("users", "create", "ann")

    ended = command("users", "link", "ann", "--url", url)

    assert (ended.code, ended.out) == (2, "")
    assert "--url is" in ended.err
    assert "https://sqreen.example.com" in ended.err


def test_refusals_are_one_line(command: Command) -> None:
    """A refused change is one line on stderr, with exit code 1."""
    command("users", "create", "ann")

    for arguments, message in (
        (("users", "create", "ann"), "a user 'ann' already"),
        (("users", "link", "bob", "--url", "http://x"), "no user 'bob'"),
        (("users", "password", "bob"), "no user 'bob'"),
        (("users", "role", "bob", "admin"), "no user 'bob'"),
        (("users", "remove", "bob"), "no user 'bob'"),
        (("tokens", "create", "shop", "--scope", "root"), "got root"),
    ):
        ended = command(*arguments)
        assert ended.code == 1
        assert message in ended.err
        assert ended.err.count("\n") == 1
        assert ended.out == ""


@pytest.mark.parametrize("stdin", [b"\xff\xfe secret", b"caf\xe9 au lait\n", b"cut \xf0\x9f\n"])
@pytest.mark.parametrize("arguments", [("create", "p", "--password-stdin"), ("password", "ann")])
def test_password_that_is_not_utf_8_is_refused(
    command: Command, *, stdin: bytes, arguments: tuple[str, ...]
) -> None:
    """Other bytes end with one line that names the reason and not the password."""
    command("users", "create", "ann")

    ended = command("users", *arguments, stdin=stdin)

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.count("\n") == 1
    assert "is not UTF-8" in ended.err
    assert "secret" not in ended.err
