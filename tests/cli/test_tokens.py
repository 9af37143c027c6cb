import json
from pathlib import Path

import pytest

from sqreen_mw.collector.state import open_state
from tests.cli.conftest import Command


@pytest.mark.parametrize(
    ("options", "scopes"),
    [
        ((), {"ingest", "decisions:read"}),
        (("--scope", "query"), {"query"}),
        (("--scope", "query", "--scope", "ingest"), {"query", "ingest"}),
    ],
)
def test_create_prints_only_the_secret(
    command: Command, tmp_path: Path, *, options: tuple[str, ...], scopes: set[str]
) -> None:
    """The output is the secret of a token with the wanted scopes, and nothing else."""
    ended = command("tokens", "create", "shop", *options)

    assert ended.code == 0
    state = open_state(f"sqlite:///{tmp_path / 'sqreen-mw' / 'state.db'}")
    token = state.tokens.verify(ended.out.strip())
    state.close()
    assert token is not None
    assert token.app == "shop"
    assert token.scopes == scopes


def created(command: Command, *arguments: str) -> str:
    """Create a token and return its id."""
    return command("tokens", "create", *arguments).out.split("_")[1]


def test_list_shows_valid_tokens_without_secrets(command: Command) -> None:
    """Each row contains the id, app, name and scopes of a valid token."""
    secret = command("tokens", "create", "shop").out.strip()
    of_bank = created(command, "bank", "--name", "nightly report", "--scope", "query")
    command("tokens", "revoke", created(command, "shop"))

    listed = json.loads(command("tokens", "list", "--json").out)
    shown = command("tokens", "list").out

    assert [(row["id"], row["app"]) for row in listed] == [
        (of_bank, "bank"),
        (secret.split("_")[1], "shop"),
    ]
    assert (listed[0]["name"], listed[0]["scopes"]) == ("nightly report", ["query"])
    assert of_bank in shown
    assert "nightly report" in shown
    assert secret not in shown
    assert [row["app"] for row in json.loads(command("tokens", "list", "bank", "--json").out)] == [
        "bank"
    ]


def test_empty_list_names_the_create_command(command: Command) -> None:
    """Without a token, the output names the command that creates one."""
    command("tokens", "revoke", created(command, "shop"))

    ended = command("tokens", "list", "shop")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "there is no valid token: create one with 'sqreen-mw tokens create APP'\n"


def test_unknown_app_is_refused(command: Command) -> None:
    """A misspelled app is an error, not an empty list."""
    command("tokens", "create", "shop")

    ended = command("tokens", "list", "shopp")

    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "sqreen-mw: there is no app 'shopp': the apps are shop\n"


@pytest.mark.parametrize(
    "arguments", [("tokens", "list"), ("tokens", "revoke", "x"), ("users", "list")]
)
def test_wrong_data_dir_is_refused(
    command: Command, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """A command that only reads or changes data creates no database."""
    missing = tmp_path / "misspelled"

    ended = command(*arguments, "--data-dir", str(missing))

    assert (ended.code, ended.out) == (2, "")
    assert f"there is no collector's data in {missing}: check --data-dir" in ended.err
    assert not missing.exists()


def test_new_database_is_announced(command: Command, tmp_path: Path) -> None:
    """A token can be created before the first start. The new file is named once."""
    first, second = (command("tokens", "create", "shop") for _ in range(2))

    assert first.err == f"creating {tmp_path / 'sqreen-mw' / 'state.db'}\n"
    assert second.err == ""


def test_expiry_and_last_use_are_listed(command: Command) -> None:
    """The times are in milliseconds; the table shows them as dates."""
    created(command, "shop", "--expires-in", "90")

    [row] = json.loads(command("tokens", "list", "--json").out)

    assert row["expires_at"] == row["created_at"] + 90 * 24 * 60 * 60 * 1000
    assert row["used_at"] is None
    assert "never" in command("tokens", "list").out


def test_revoke_accepts_the_id_or_the_secret(command: Command) -> None:
    """The output names the token, and warns if it was the app's last one for sending."""
    first = created(command, "shop", "--name", "till")
    secret = command("tokens", "create", "shop").out.strip()

    by_id = command("tokens", "revoke", first)
    by_secret = command("tokens", "revoke", secret)

    assert by_id.code == by_secret.code == 0
    assert by_id.out == f"the token 'till' of shop ({first}) is revoked\n"
    assert by_secret.out.endswith(
        "shop can't send events any more: create a token with 'sqreen-mw tokens create shop'\n"
    )
    assert json.loads(command("tokens", "list", "--json").out) == []


def test_revoking_a_query_token_warns_of_nothing(command: Command) -> None:
    """The warning appears only if the app can't send events any more."""
    created(command, "shop")

    ended = command("tokens", "revoke", created(command, "shop", "--scope", "query"))

    assert "any more" not in ended.out


def test_unknown_token_is_refused(command: Command) -> None:
    """An unknown or revoked token is refused with the command that lists tokens."""
    gone = created(command, "shop")
    command("tokens", "revoke", gone)

    for text in (gone, "nonsense", ""):
        ended = command("tokens", "revoke", text)
        assert (ended.code, ended.out) == (1, "")
        assert "there is no such token: run 'sqreen-mw tokens list'" in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "shop", "--expires-in", "99999999999999999999"),
        ("create", "shop", "--expires-in", "36501"),
        ("create", "shop", "--name", "\udcff\udcfe"),
        ("create", "\udcff"),
        ("revoke", "\udcff"),
    ],
)
def test_unusable_arguments_are_refused_with_a_reason(
    command: Command, *, arguments: tuple[str, ...]
) -> None:
    """A date beyond the calendar, or bytes that are not UTF-8, end with one line."""
    command("tokens", "create", "shop")

    ended = command("tokens", *arguments)

    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("sqreen-mw")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("days", ["1", "36500"])
def test_usable_lifetimes_are_accepted(command: Command, days: str) -> None:
    """A token lives for a day up to a century."""
    assert command("tokens", "create", "shop", "--expires-in", days).code == 0
    assert command("tokens", "list").code == 0
