"""The two example sites: their commands, environment and installed location."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from sqreen_mw.cli.demo.ports import HOST
from sqreen_mw.errors import ConfigurationError

_PACKAGE: Final = Path(__file__).parents[2]
_NEEDED: Final = ("fastapi", "flask", "gunicorn", "uvicorn")


@dataclass(frozen=True, slots=True)
class SiteCommand:
    """A site to start: its app name in the collector and its port."""

    app: str
    port: int

    @property
    def url(self) -> str:
        """The site's URL."""
        return f"http://{HOST}:{self.port}"

    def arguments(self) -> list[str]:
        """Return Python's arguments: the shop runs on uvicorn, the bank on gunicorn."""
        if self.app == "shop":
            module = ["uvicorn", "examples.fastapi_app.app:app"]
            options = ["--host", HOST, "--port", str(self.port), "--timeout-graceful-shutdown", "3"]
        else:
            module = ["gunicorn", "examples.flask_app.app:app"]
            options = ["--bind", f"{HOST}:{self.port}", "--graceful-timeout", "3"]
            options += ["--threads", "4", "--no-control-socket"]
        return ["-m", *module, *options, "--log-level", "warning"]


def check_installed(needed: tuple[str, ...] = _NEEDED) -> None:
    """Check that the packages of the sites are installed.

    Raises:
        ConfigurationError: A package is missing; the message contains the install command.
    """
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        source = "." if _examples().parent != _PACKAGE else "sqreen-mw"
        raise ConfigurationError(
            f'the demo needs {" and ".join(missing)}: pip install "{source}[demo]"'
        )


def link_examples(folder: Path) -> None:
    """Link the examples into a directory, so that they can be imported as ``examples``.

    The wheel contains them inside the package, and its directory must not be on ``sys.path``.
    """
    (folder / "examples").symlink_to(_examples(), target_is_directory=True)


def environment_with(settings: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment, with these settings as its only settings of ours."""
    own = os.environ.items()
    kept = {name: value for name, value in own if not name.startswith(_OURS)}
    return {**kept, **settings}


_OURS: Final = ("SQREEN_", "SHOP_", "BANK_")


def _examples() -> Path:
    inside = _PACKAGE / "examples"
    return inside if inside.is_dir() else _PACKAGE.parent / "examples"
