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
def test_prints_the_secret_alone(
    command: Command, tmp_path: Path, *, options: tuple[str, ...], scopes: set[str]
) -> None:
    """The output is the secret of a token of the app, and nothing else."""
    ended = command("tokens", "create", "shop", *options)

    assert ended.code == 0
    state = open_state(f"sqlite:///{tmp_path / 'sqreen-mw' / 'state.db'}")
    token = state.tokens.verify(ended.out.strip())
    state.close()
    assert token is not None
    assert token.app == "shop"
    assert token.scopes == scopes


def made(command: Command, *arguments: str) -> str:
    """Make a token and return its id."""
    return command("tokens", "create", *arguments).out.split("_")[1]


def test_lists_the_tokens_that_are_valid(command: Command) -> None:
    """Each token is told with its id, its app, its name and its scopes, without its secret."""
    secret = command("tokens", "create", "shop").out.strip()
    of_bank = made(command, "bank", "--name", "nightly report", "--scope", "query")
    command("tokens", "revoke", made(command, "shop"))

    told = json.loads(command("tokens", "list", "--json").out)
    shown = command("tokens", "list").out

    assert [(row["id"], row["app"]) for row in told] == [
        (of_bank, "bank"),
        (secret.split("_")[1], "shop"),
    ]
    assert (told[0]["name"], told[0]["scopes"]) == ("nightly report", ["query"])
    assert of_bank in shown
    assert "nightly report" in shown
    assert secret not in shown
    assert [row["app"] for row in json.loads(command("tokens", "list", "bank", "--json").out)] == [
        "bank"
    ]


def test_an_empty_list_says_how_to_make_one(command: Command) -> None:
    """Where there is no token, the command that makes one is named."""
    ended = command("tokens", "list", "shop")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "no token is valid: make one by 'sqreen-mw tokens create APP'\n"


def test_revokes_by_the_id_or_the_secret(command: Command) -> None:
    """Both name the token; what was done is said, and what a last token leaves behind."""
    first = made(command, "shop", "--name", "till")
    secret = command("tokens", "create", "shop").out.strip()

    by_id = command("tokens", "revoke", first)
    by_secret = command("tokens", "revoke", secret)

    assert by_id.code == by_secret.code == 0
    assert by_id.out == f"the token 'till' of shop ({first}) is revoked, and refused from now on\n"
    assert by_secret.out.endswith(
        "shop can't send events any more: make a token by 'sqreen-mw tokens create shop'\n"
    )
    assert json.loads(command("tokens", "list", "--json").out) == []


def test_a_token_that_reads_leaves_nobody_without_one(command: Command) -> None:
    """Only who can't send any more is told of."""
    made(command, "shop")

    ended = command("tokens", "revoke", made(command, "shop", "--scope", "query"))

    assert "any more" not in ended.out


def test_what_is_no_token_is_refused(command: Command) -> None:
    """An unknown token, or one that is revoked, is said with the command that lists them."""
    gone = made(command, "shop")
    command("tokens", "revoke", gone)

    for text in (gone, "nonsense", ""):
        ended = command("tokens", "revoke", text)
        assert (ended.code, ended.out) == (1, "")
        assert "there is no such token: 'sqreen-mw tokens list' shows them" in ended.err
