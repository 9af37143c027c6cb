"""Counts machine instructions between two marks with valgrind's callgrind."""

import os
import subprocess
from pathlib import Path
from shutil import which

from benchmarks.unmeasurable import UnmeasurableError


def prefix(folder: str) -> tuple[str, ...]:
    """Return the command that runs a process and writes its counts into a directory.

    Raises:
        UnmeasurableError: valgrind is not installed.
    """
    if which("valgrind") is None:
        raise UnmeasurableError("valgrind is missing: apt-get install valgrind")
    return (
        "valgrind",
        "--quiet",
        "--tool=callgrind",
        "--instr-atstart=no",
        "--separate-threads=yes",
        "--dump-before=getpriority",
        f"--callgrind-out-file={folder}/out",
    )


def begin_counting() -> None:
    """Switch counting on. Without it, the imports before run five times as fast.

    Valgrind reads its commands while this process computes, so the wait must not sleep.
    """
    command = ["callgrind_control", "--instr=on", str(os.getpid())]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as control:
        while control.poll() is None:
            pass


def mark() -> None:
    """Mark the start or the end of a block; callgrind writes its counts at each call."""
    os.getpriority(os.PRIO_PROCESS, 0)


def instructions(folder: str, block: int) -> int:
    """Return the instructions of the first thread in a block. Blocks count from 1."""
    lines = (Path(folder) / f"out.{2 * block}-01").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("totals: ")).split()[1])
