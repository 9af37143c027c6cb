"""Virtual environments that contain only the wheel and its dependencies."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SECONDS = 300
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Environment:
    """A virtual environment and an empty working directory."""

    folder: Path

    @property
    def bin(self) -> Path:
        """The directory of its commands."""
        return self.folder / "bin"

    @property
    def work(self) -> Path:
        """A directory that is not on ``sys.path``."""
        return self.folder / "work"

    def install(self, *requirements: str) -> None:
        """Install packages from the index of this machine's pip."""
        pip = [sys.executable, "-m", "pip", "--python", str(self.folder), "install"]
        options = ["--quiet", "--disable-pip-version-check", "--no-compile"]
        subprocess.run([*pip, *options, *requirements], check=True)

    def python(self, code: str, **settings: str) -> str:
        """Run code with warnings as errors, and return its output."""
        done = self.run("python", "-W", "error", "-c", code, **settings)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run(
        self, command: str, *arguments: str, **settings: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return self._run([str(self.bin / command), *arguments], settings)

    def check(self, checker: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of our type checkers on the working directory."""
        option = "--python-executable" if checker == "mypy" else "--pythonpath"
        command = [sys.executable, "-m", checker, option, str(self.bin / "python"), *arguments]
        # With --verifytypes, pyright ignores the option and uses the Python of the PATH.
        return self._run(command, {"PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}"})

    @contextmanager
    def running(self, command: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Run a command until the block ends."""
        process = subprocess.Popen(
            [self.bin / command, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            cwd=self.work,
            env=_environ({}),
        )
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=SECONDS)

    def _run(
        self, command: list[str], settings: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            cwd=self.work,
            env=_environ(settings),
        )


def make_environment(folder: Path) -> Environment:
    """Create an empty environment without pip."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    environment = Environment(folder)
    environment.work.mkdir()
    return environment


def build_wheel(folder: Path) -> Path:
    """Build the source distribution, and the wheel from it."""
    command = [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    [wheel] = folder.glob("*.whl")
    return wheel


def _environ(settings: dict[str, str]) -> dict[str, str]:
    """Return this process's environment without paths to this repository."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SQREEN_", "PYTHON", "COVERAGE_"))
    }
    return {**kept, "PYTHONUNBUFFERED": "1", **settings}
