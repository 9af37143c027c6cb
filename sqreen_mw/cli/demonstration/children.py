"""The processes of the demonstration: started, watched, and never left behind."""

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

_PATIENCE: Final = 5.0
_LAST_LINES: Final = 15

# Asks Linux for a SIGTERM should the demonstration be killed (prctl's PR_SET_PDEATHSIG), then
# becomes the program; elsewhere a killed demonstration leaves its children.
_TIED: Final = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 15);"
    " os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
_PYTHON: Final = (sys.executable, "-ISc", _TIED) if sys.platform == "linux" else (sys.executable,)

_T = TypeVar("_T")


class ChildDiedError(SqreenError):
    """A process of the demonstration ended by itself; the message has its last lines."""


@dataclass(frozen=True, slots=True)
class Child:
    """A running process; what it says goes to its log."""

    name: str
    process: Process
    log: Path

    async def until(self, ready: Awaitable[_T]) -> _T:
        """Wait for what makes the process ready.

        Raises:
            ExceptionGroup: A ``ChildDiedError``: it ended before.
        """
        async with asyncio.TaskGroup() as group:
            dying = group.create_task(self.watch())
            answer = await ready
            dying.cancel()
        return answer

    async def watch(self) -> NoReturn:
        """Wait for the end of the process.

        Raises:
            ChildDiedError: It has ended.
        """
        code = await self.process.wait()
        lines = self.log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
        raise ChildDiedError("\n".join((f"The {self.name} has died (exit code {code}).", *lines)))

    async def stop(self) -> None:
        """End the process: politely, then with all that it has started."""
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), _PATIENCE)
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self.process.wait()

    def _signal(self, number: signal.Signals) -> None:
        # Each child leads a group of its own. Once it is reaped its number may be another's.
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
) -> Child:
    """Start Python in a folder, in a group of its own: Ctrl-C reaches only the demonstration.

    What it says goes to its log, unless ``stdout`` says otherwise, as for ``subprocess``.
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
    return Child(name, process, log)
