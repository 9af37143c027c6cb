"""Where the two sites are in this installation, and how each is started."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from sqreen_mw.cli.demonstration.ports import HOST
from sqreen_mw.errors import ConfigurationError

_PACKAGE: Final = Path(__file__).parents[2]
_NEEDED: Final = ("fastapi", "flask", "gunicorn", "uvicorn")


@dataclass(frozen=True, slots=True)
class SiteCommand:
    """A site to start: the app's name in the collector, and its port."""

    app: str
    port: int

    @property
    def url(self) -> str:
        """Where the site will be."""
        return f"http://{HOST}:{self.port}"

    def arguments(self) -> list[str]:
        """Return those of Python: the shop runs on uvicorn, the bank on gunicorn with threads."""
        if self.app == "shop":
            where = ["--host", HOST, "--port", str(self.port), "--timeout-graceful-shutdown", "3"]
            module = ["uvicorn", "examples.fastapi_app.app:app"]
        else:
            where = ["--bind", f"{HOST}:{self.port}", "--graceful-timeout", "3"]
            where += ["--threads", "4", "--no-control-socket"]
            module = ["gunicorn", "examples.flask_app.app:app"]
        return ["-m", *module, *where, "--log-level", "warning"]


def check_installed(needed: tuple[str, ...] = _NEEDED) -> None:
    """Check that what the sites stand on is there.

    Raises:
        ConfigurationError: It is not; the message says how to install it.
    """
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        source = "." if _examples().parent != _PACKAGE else "sqreen-mw"
        raise ConfigurationError(
            f'the demo needs {" and ".join(missing)}: pip install "{source}[demo]"'
        )


def link_examples(folder: Path) -> None:
    """Make the examples importable from a folder, as ``examples``.

    The wheel has them inside the package, whose own folder must not be on a module path.
    """
    (folder / "examples").symlink_to(_examples(), target_is_directory=True)


def environment_with(settings: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with these settings of ours and no others."""
    own = os.environ  # noqa: TID251  # handed on, not read
    kept = {name: value for name, value in own.items() if not name.startswith(_OURS)}
    return {**kept, **settings}


_OURS: Final = ("SQREEN_", "SHOP_", "BANK_")


def _examples() -> Path:
    inside = _PACKAGE / "examples"
    return inside if inside.is_dir() else _PACKAGE.parent / "examples"
