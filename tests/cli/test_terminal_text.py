import pytest

from sqreen_mw.cli.terminal_text import printable
from sqreen_mw.collector.state import open_state
from tests.cli.conftest import Command

HOSTILE = ["\x1b[2Jred", "\x1b]0;title\x07", "a\nb", "a\rb", "\x9b31m", "\u202eexe", "\u2066x"]


@pytest.mark.parametrize("text", HOSTILE)
def test_characters_that_control_a_terminal_are_escaped(text: str) -> None:
    """Each such character becomes an escape, and the rest stays."""
    shown = printable(text)

    assert shown.isprintable()
    assert printable(shown) == shown


@pytest.mark.parametrize("text", ["Zoë", "日本", "🚀 go", "tab no, space yes", ""])
def test_other_text_stays(text: str) -> None:
    """Letters of any language stay as they are."""
    assert printable(text) == text


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_older_databases_are_escaped(
    command: Command, tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    """A name that is stored already cannot control the terminal of 'list' and 'revoke'."""
    folder = tmp_path_factory.mktemp("data")
    options = ("--data-dir", str(folder))
    assert command("tokens", "create", "shop", *options).code == 0
    state = open_state(f"sqlite:///{folder}/state.db")
    issued = state.tokens.issue("shop", name=name, scopes=frozenset({"query"}))
    state.close()

    ended = [
        command("tokens", "list", *options),
        command("tokens", "revoke", issued.token.id, *options),
    ]

    for each in ended:
        assert each.code == 0
        assert all(line.isprintable() for line in each.out.split("\n"))


@pytest.mark.parametrize("name", HOSTILE)
def test_errors_are_escaped_and_new_names_refused(command: Command, name: str) -> None:
    """A user's name must be printable, and the error is too."""
    ended = command("users", "create", name, "--password-stdin", stdin="correct horse")

    assert ended.code == 1
    assert "printable" in ended.err
    assert all(line.isprintable() for line in ended.err.split("\n"))


def test_doctor_escapes_names(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting or an address of the doctor's output cannot control the terminal."""
    monkeypatch.setenv("SQREEN_ENVIRONMENT", "\u202eprod")

    shown = command("doctor").out
    traced = command("doctor", "client-ip", "--peer", "127.0.0.1", "--header", "X: \x1b[2J").out

    assert "\u202e" not in shown
    assert "\x1b" not in traced
