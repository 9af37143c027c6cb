"""The code and the commands of the README work."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

import sqreen_mw as sqreen
from sqreen_mw.cli.commands import app as command_line
from sqreen_mw.protocol.event import Event

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """Return the code blocks of a language in order."""
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def run(code: str) -> Any:
    """Run a block as a module, and return its ``app``."""
    names: dict[str, Any] = {"__name__": "readme"}
    exec(compile(code, "README.md", "exec"), names)  # noqa: S102 our own README
    return names["app"]


def test_fastapi_block_tracks(memory: list[Event]) -> None:
    """The FastAPI app tracks an event with its request."""
    [code] = [block for block in blocks("python") if "FastAPI()" in block]

    assert len([line for line in code.splitlines() if line]) == 8
    assert TestClient(run(code)).post("/coupons/SPRING").json() == {"ok": True}

    assert sqreen.flush()
    [event] = memory
    assert (event.name, event.properties) == ("coupon.applied", {"code": "SPRING"})
    assert event.request is not None
    assert event.request.route == "/coupons/{code}"


def test_flask_block_tracks(memory: list[Event]) -> None:
    """The Flask app tracks an event with its request and its user."""
    [code] = [block for block in blocks("python") if "Flask(__name__)" in block]

    assert len([line for line in code.splitlines() if line]) == 9
    assert run(code).test_client().post("/coupons/SPRING").json == {"ok": True}

    assert sqreen.flush()
    [event] = memory
    assert event.user_identifiers == {"email": "jane@example.org"}
    assert event.request is not None
    assert event.request.route == "/coupons/<code>"


def test_every_block_is_tested() -> None:
    """The README has only blocks that these tests run."""
    assert len(blocks("python")) == 2
    assert len(re.findall(r"^```\w", README, flags=re.MULTILINE)) == len(
        blocks("python") + blocks("sh")
    )


@pytest.mark.parametrize(
    "line", [line for block in blocks("sh") for line in block.splitlines()], ids=str
)
def test_shell_line_exists(line: str) -> None:
    """Each line is a script, a command or a setting of this project."""
    words = shlex.split(line)
    if words[0] == "sqreen-mw":
        done = CliRunner().invoke(command_line, [*words[1:], "--help"])
        assert done.exit_code == 0, done.output
    elif words[0] == "export":
        assert words[1].partition("=")[0] in {"SQREEN_URL", "SQREEN_TOKEN"}
    else:
        assert (ROOT / words[0]).stat().st_mode & 0o100, f"{words[0]} is not executable"


def test_extras_exist() -> None:
    """The package has the extras that the README installs."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = set(re.findall(r'"\.\[(\w+)\]"', README))

    assert named == {"collector", "demo", "django", "flask"}
    assert named <= extras["optional-dependencies"].keys()


@pytest.mark.parametrize("script", ["scripts/demo", "scripts/test"])
def test_script_is_named(script: str) -> None:
    """The README names the commands that run the demo and the tests."""
    assert f"{script}\n" in README or f"`{script}`" in README
