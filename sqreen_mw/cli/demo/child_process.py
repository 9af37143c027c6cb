"""A child process of the demo that never outlives it."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn, TypeVar

from sqreen_mw.errors import SqreenError

_STOP_SECONDS: Final = 5.0
_LAST_LINES: Final = 15

# Makes Linux send SIGTERM if the demo is killed (prctl's PR_SET_PDEATHSIG), then becomes the
# program. On other systems, a killed demo leaves its child processes running.
_STARTER: Final = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 15);"
    " os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
_PYTHON: Final = (
    (sys.executable, "-ISc", _STARTER) if sys.platform == "linux" else (sys.executable,)
)

_T = TypeVar("_T")


class ChildDiedError(SqreenError):
    """A child process ended unexpectedly; the message contains the last lines of its log."""


@dataclass(frozen=True, slots=True)
class ChildProcess:
    """A running process and its log file."""

    name: str
    process: Process
    log: Path

    async def wait_for(self, ready: Awaitable[_T]) -> _T:
        """Wait until the process is ready.

        Raises:
            ExceptionGroup: It contains a ``ChildDiedError``: the process ended before.
        """
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self.watch())
            answer = await ready
            watching.cancel()
        return answer

    async def watch(self) -> NoReturn:
        """Wait for the end of the process.

        Raises:
            ChildDiedError: The process ended.
        """
        code = await self.process.wait()
        lines = self.log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
        raise ChildDiedError("\n".join((f"The {self.name} stopped (exit code {code}).", *lines)))

    async def stop(self) -> None:
        """Stop the process with SIGTERM, and kill its process group after 5 seconds."""
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), _STOP_SECONDS)
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self.process.wait()

    def _signal(self, number: signal.Signals) -> None:
        # After the process is reaped, its group number may belong to another process.
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)


async def start_child(
    name: str,
    arguments: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    stdout: int | None = None,
) -> ChildProcess:
    """Start Python in a directory.

    The process leads its own group, so that Ctrl-C reaches the demo only. Output is written to
    the log, except stdout if ``stdout`` is given.
    """
    log = folder / f"{name}.log"
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *_PYTHON,
            *arguments,
            stdin=DEVNULL,
            stdout=stdout or errors,
            stderr=errors,
            cwd=folder,
            env=dict(environment),
            process_group=0,
        )
    return ChildProcess(name, process, log)
