import io
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sqreen_mw.cli import main
from tests.support.migrated_state import migrated_state
from tests.support.passwords import cheap_passwords

__all__ = ["cheap_passwords", "migrated_state"]


@dataclass(frozen=True)
class Ended:
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Command]:
    """Run a command line in this process, with its own data directory."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    root = logging.getLogger()
    log_handlers, level = root.handlers[:], root.level
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(*arguments: str, stdin: str | bytes = "") -> Ended:
        monkeypatch.setattr(sys, "argv", ["sqreen-mw", *arguments])
        given = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), "utf-8"))
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Ended(code, out, err)

    yield run
    root.handlers[:] = log_handlers
    root.setLevel(level)
    for number, handler in handlers.items():
        signal.signal(number, handler)
