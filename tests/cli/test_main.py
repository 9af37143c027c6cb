"""What happens before a command begins."""

import json
import signal
import subprocess
import sys
import time

import pytest
import typer

from sqreen_mw.cli.commands import LAZY, app
from sqreen_mw.version import __version__

MAIN = "from sqreen_mw.cli import main; main()"


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )


def test_ctrl_c_while_loading_leaves_no_traceback() -> None:
    """An impatient Ctrl-C, whenever it comes, ends with an exit code and nothing on stderr."""
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
            _, complaints = process.communicate(timeout=60)

        # Python itself ends by the signal where it comes at its very end.
        assert process.returncode in {0, 1, 130, -signal.SIGINT}
        assert "Traceback" not in complaints


def test_a_missing_extra_is_named() -> None:
    """Without what every command needs, the line says what to install."""
    done = python(f"import sys; sys.modules['typer'] = None; {MAIN}")

    assert done.returncode == 2
    assert done.stderr == "sqreen-mw: typer is not installed: pip install 'sqreen-mw[cli]'\n"


def test_a_missing_collector_is_named_by_its_commands_only() -> None:
    """Without the collector's packages its commands say what to install; the doctor works."""
    without = "import sys; sys.modules['sqlalchemy'] = None; sys.argv[1:] = "
    served = python(f"{without}['serve', '--port', '0']; {MAIN}")
    listed = python(f"{without}['doctor', 'settings', '--markdown']; {MAIN}")

    assert served.returncode == 2
    assert served.stderr.endswith("is not installed: pip install 'sqreen-mw[collector]'\n")
    assert "SQREEN_TOKEN" in listed.stdout


HEAVY = {"alembic", "argon2", "fastapi", "jinja2", "sqlalchemy", "starlette", "uvicorn"}
"""Not pydantic, which the HTTP client loads where it is there."""

LOADED = f"""
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))
sys.argv[1:] = {{arguments!r}}
{MAIN}
"""


def loaded(*arguments: str) -> tuple[str, set[str]]:
    """Return what a command line prints, and the modules that it has loaded at its end."""
    done = python(LOADED.format(arguments=list(arguments)))
    return done.stdout, set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments", [("--help",), ("--version",), ("doctor", "settings"), ("doctor", "--json")]
)
def test_the_collector_is_loaded_by_its_commands_only(arguments: tuple[str, ...]) -> None:
    """What needs no collector loads nothing of it, nor what it stands on."""
    _, modules = loaded(*arguments)

    assert {name for name in modules if name.startswith("sqreen_mw.collector")} == set()
    assert modules & HEAVY == set()


def test_the_help_loads_no_command() -> None:
    """The list of commands is had without any of them."""
    out, modules = loaded("--help")

    assert [name for name in LAZY if name not in out] == []
    assert {"httpx2", "sqreen_mw.cli.doctor", "sqreen_mw.cli.tokens"} & modules == set()


def test_the_version_is_printed() -> None:
    """``--version`` prints it in one line, and nothing else happens."""
    assert loaded("--version")[0] == f"sqreen-mw {__version__}\n"


@pytest.mark.parametrize("name", LAZY)
def test_the_list_says_what_the_commands_say(name: str) -> None:
    """A command's line in the list is the first sentence of its own help."""
    group = typer.main.get_group(app)
    _, command, _ = group.resolve_command(typer.Context(group), [name])

    assert command is not None
    assert " ".join((command.help or "").partition("\n\n")[0].split()) == LAZY[name].about


def test_a_missing_collector_is_named_in_the_list() -> None:
    """Without the collector's packages the list says what to install."""
    without = "import sys; sys.modules['sqlalchemy'] = None; sys.argv[1:] = ['--help']"

    assert python(f"{without}; {MAIN}").stdout.count("sqreen-mw[collector]") == len(LAZY) - 1
