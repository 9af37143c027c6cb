"""Python processes that tests start, and the environment that they get."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.support.waiting import PATIENCE

ROOT: Final = Path(__file__).parents[2]


def clean_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return this environment with these SQREEN_ settings and no others.

    DJANGO_SETTINGS_MODULE is removed too, because a test of this process may have set it.
    """
    ours = ("SQREEN_", "DJANGO_SETTINGS_MODULE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, **settings}


def uncovered_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return that environment without coverage, which handles SIGTERM and imports sqlite3."""
    kept = clean_environment(settings)
    return {name: value for name, value in kept.items() if not name.startswith("COVERAGE_")}


def run_python(
    *arguments: str,
    settings: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run Python in an environment, by default the clean one; it must succeed."""
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        cwd=ROOT,
        env=environment or clean_environment(settings or {}),
    )
    assert done.returncode == 0, done.stderr
    return done


def run_script(script: str, settings: Mapping[str, str]) -> tuple[str, str]:
    """Run a script, which must succeed, and return stdout and stderr."""
    done = run_python("-c", script, settings=settings)
    return done.stdout, done.stderr


@contextmanager
def running_python(
    *arguments: str, settings: Mapping[str, str] | None = None, stderr: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run Python until the block ends, then stop it by SIGTERM."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        cwd=ROOT,
        env=clean_environment(settings or {}),
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)
