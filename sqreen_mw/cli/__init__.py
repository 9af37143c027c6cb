"""The command line, ``sqreen-mw``."""

import sys
from importlib import import_module
from typing import Final, NoReturn

from sqreen_mw.cli.terminal_text import echo
from sqreen_mw.errors import RefusedError, SqreenError

REFUSED: Final = 1
WRONG: Final = 2
INTERRUPTED: Final = 130
"""Exit codes: a refused change; a wrong setting or an unusable store; Ctrl-C."""


def main() -> None:
    """Run a command. An expected error is one line on stderr."""
    try:
        sys.exit(_run(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except RuntimeError as error:
        # Python 3.11 hides a Ctrl-C behind a RuntimeError while it creates a class.
        if not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        sys.exit(INTERRUPTED)
    except ModuleNotFoundError as error:
        need = f"{error.name} is not installed: pip install 'sqreen-mw[collector]'"
        _fail(f"{need}; only 'sqreen-mw doctor' works without it", WRONG)
    except UnicodeEncodeError as error:
        if not "\ud800" <= error.object[error.start] <= "\udfff":
            raise
        _fail("an argument has bytes that are not UTF-8: encode it as UTF-8", WRONG)
    except SqreenError as error:
        _fail(" ".join(str(error).split()), REFUSED if isinstance(error, RefusedError) else WRONG)


def _run(arguments: list[str]) -> int:
    # Imported here, because Ctrl-C during an import must not print a traceback.
    if arguments[:1] == ["doctor"]:
        return int(import_module("sqreen_mw.cli.doctor.command").run(arguments[1:]))
    return int(import_module("sqreen_mw.cli.commands").run())


def _fail(line: str, code: int) -> NoReturn:
    echo(f"sqreen-mw: {line}", err=True)
    sys.exit(code)
