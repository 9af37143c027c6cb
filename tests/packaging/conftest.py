from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.packaging.environments import Environment, build_wheel, make_environment
from tests.support.optional import need

Installed = Callable[[str], Environment]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel once."""
    need("build")
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Return a function that creates an environment with only the wheel and some extras."""

    @cache
    def install(extras: str) -> Environment:
        environment = make_environment(tmp_path_factory.mktemp("environment") / "venv")
        environment.install(f"{wheel}[{extras}]" if extras else str(wheel))
        return environment

    return install
