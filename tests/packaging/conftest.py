import fcntl
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.packaging.environments import Environment, build_wheel, make_environment
from tests.support.optional import need

Installed = Callable[[str], Environment]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel once; the workers of a run share it."""
    need("build")
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with (folder / "wheel.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        built = [*(folder / "wheel").glob("*.whl")]
        return built[0] if built else build_wheel(folder / "wheel")


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Return a function that creates an environment with only the wheel and some extras."""

    @cache
    def install(extras: str) -> Environment:
        environment = make_environment(tmp_path_factory.mktemp("environment") / "venv")
        environment.install(f"{wheel}[{extras}]" if extras else str(wheel))
        return environment

    return install
