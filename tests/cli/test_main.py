"""The entry point, the list of commands and lazy imports."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer

from sqreen_mw.cli.commands import DOCTOR, LAZY, app
from sqreen_mw.cli.doctor.command import SUMMARY
from sqreen_mw.version import __version__
from tests.cli.conftest import Command

pytestmark = pytest.mark.slow

MAIN = "from sqreen_mw.cli import main; main()"


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )


def test_ctrl_c_during_imports_prints_no_traceback() -> None:
    """Ctrl-C at any moment of the start ends with an exit code and no traceback."""
    for delay in (0.3, 0.6, 0.9):
        code = "from sqreen_mw.cli import main; print(flush=True); main()"
        with subprocess.Popen(
            [sys.executable, "-c", code, "serve", "--help"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(delay)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)

        # Python ends by the signal itself if it arrives during the shutdown.
        assert process.returncode in {0, 1, 130, -signal.SIGINT}
        assert "Traceback" not in err


def test_doctor_is_listed_with_its_summary() -> None:
    """The list and the doctor's own help agree."""
    assert SUMMARY == DOCTOR


def test_ctrl_c_while_a_class_is_created_prints_no_traceback(tmp_path: Path) -> None:
    """Python 3.11 hides the KeyboardInterrupt of a ``__set_name__`` behind a RuntimeError."""
    broken = tmp_path / "interrupted.py"
    broken.write_text("""
class Interrupted:
    def __set_name__(self, owner, name):
        raise KeyboardInterrupt

class Owner:
    attribute = Interrupted()
""")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
        "from sqreen_mw.cli import commands, main; "
        "commands.app = lambda **_: __import__('interrupted'); main()"
    )

    done = python(code)

    assert done.stderr == ""
    assert done.returncode in {130, -signal.SIGINT}


def test_doctor_works_without_the_collector_extra() -> None:
    """Collector commands name the extra to install; the doctor does not need it."""
    without = (
        "import sys; sys.modules.update(sqlalchemy=None, typer=None, rich=None); sys.argv[1:] = "
    )
    served = python(f"{without}['serve', '--port', '0']; {MAIN}")
    listed = python(f"{without}['doctor', 'settings', '--markdown']; {MAIN}")

    assert served.returncode == 2
    assert served.stderr.endswith(
        "is not installed: pip install 'sqreen-mw[collector]'; "
        "only 'sqreen-mw doctor' works without it\n"
    )
    assert "SQREEN_TOKEN" in listed.stdout


HEAVY = {"alembic", "argon2", "fastapi", "jinja2", "sqlalchemy", "starlette", "uvicorn"}
"""Without pydantic, which the HTTP client imports if it is installed."""

LOADED = f"""
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))
sys.argv[1:] = {{arguments!r}}
{MAIN}
"""


def loaded(*arguments: str) -> tuple[str, set[str]]:
    """Return the output of a command line and the modules imported at its end."""
    done = python(LOADED.format(arguments=list(arguments)))
    return done.stdout, set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments", [("--help",), ("--version",), ("doctor", "settings"), ("doctor", "--json")]
)
def test_other_commands_do_not_import_the_collector(arguments: tuple[str, ...]) -> None:
    """Commands that need no collector import neither it nor its dependencies."""
    _, modules = loaded(*arguments)

    assert {name for name in modules if name.startswith("sqreen_mw.collector")} == set()
    assert modules & HEAVY == set()


def test_help_imports_no_command() -> None:
    """The list of commands does not import the commands."""
    out, modules = loaded("--help")

    assert [name for name in (*LAZY, "doctor") if name not in out] == []
    assert {"httpx2", "sqreen_mw.cli.doctor.command", "sqreen_mw.cli.tokens"} & modules == set()


@pytest.mark.parametrize("arguments", [("serve",), ("demo",), ("tokens", "create"), ("doctor",)])
def test_help_names_the_values_of_options(command: Command, arguments: tuple[str, ...]) -> None:
    """Options have names such as PORT, and defaults without parentheses."""
    out = command(*arguments, "--help").out
    options = out.partition("Options:")[2]

    assert re.findall(r"<\w[^>]*>", options) == []
    assert "default: (" not in out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("tokens", "create"), "sqreen-mw tokens create: Missing argument 'APP'"),
        (("tokens", "create", "--nope"), "sqreen-mw tokens create: No such option: --nope"),
        (("users", "role", "ann", "king"), "'king' is not one of 'viewer', 'analyst', 'admin'"),
        (("serve", "--port", "x"), "sqreen-mw serve: Invalid value for '--port'"),
        (("nosuch",), "sqreen-mw: No such command 'nosuch'"),
    ],
)
def test_usage_error_is_one_line_with_the_next_step(
    command: Command, arguments: tuple[str, ...], line: str
) -> None:
    """A wrong command line has the same form as every other error, and exit code 2."""
    ended = command(*arguments)

    assert (ended.code, ended.out) == (2, "")
    assert line in ended.err
    assert ended.err.endswith("--help'\n")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [(), ("tokens",), ("users",)])
def test_group_without_a_command_prints_its_help(
    command: Command, arguments: tuple[str, ...]
) -> None:
    """The help lists the commands."""
    ended = command(*arguments)

    assert "Commands:" in ended.out + ended.err
    assert ended.code == 2


def test_version_is_printed() -> None:
    """``--version`` prints one line."""
    assert loaded("--version")[0] == f"sqreen-mw {__version__}\n"


@pytest.mark.parametrize("name", LAZY)
def test_summary_equals_the_help_of_the_command(name: str) -> None:
    """A command's line in the list is the first paragraph of its help."""
    group = typer.main.get_group(app)
    _, command, _ = group.resolve_command(typer.Context(group), [name])

    assert command is not None
    assert " ".join((command.help or "").partition("\n\n")[0].split()) == LAZY[name].summary


def test_help_names_the_missing_collector_extra() -> None:
    """Without the collector's packages, the list contains the install command."""
    without = "import sys; sys.modules['sqlalchemy'] = None; sys.argv[1:] = ['--help']"

    assert python(f"{without}; {MAIN}").stdout.count("sqreen-mw[collector]") == len(LAZY)
