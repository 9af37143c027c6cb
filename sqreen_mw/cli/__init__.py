"""The command line, ``sqreen-mw``."""

import sys
from typing import Final, NoReturn

from sqreen_mw.errors import RefusedError, SqreenError

REFUSED: Final = 1
WRONG: Final = 2
INTERRUPTED: Final = 130
"""Exit codes: a refusal; a wrong setting, or a store that can't be opened; Ctrl-C."""


def main() -> None:
    """Run a command; a fault of ours is one line on stderr."""
    try:
        # Imported here, as it takes a moment in which Ctrl-C must not end in a traceback.
        from sqreen_mw.cli.commands import app  # noqa: PLC0415
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except ModuleNotFoundError as error:
        _fail(f"{error.name} is not installed: pip install 'sqreen-mw[cli]'", WRONG)
    try:
        app()
    except ModuleNotFoundError as error:
        _fail(f"{error.name} is not installed: pip install 'sqreen-mw[collector]'", WRONG)
    except SqreenError as error:
        _fail(" ".join(str(error).split()), REFUSED if isinstance(error, RefusedError) else WRONG)


def _fail(line: str, code: int) -> NoReturn:
    sys.stderr.write(f"sqreen-mw: {line}\n")
    sys.exit(code)
