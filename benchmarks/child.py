"""Runs a measurement in its own process, without the patches, threads and heap of others.

::

    python -m benchmarks.child MODULE:FUNCTION JSON
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from typing import TypeVar

Result = TypeVar("Result")
SECONDS = 300


def in_child(
    function: Callable[..., Result], *, prefix: tuple[str, ...] = (), **given: object
) -> Result:
    """Call a function of a module in a fresh interpreter, and return its result.

    Args:
        function: A function with JSON arguments and a JSON result.
        prefix: The command that runs the interpreter.
        given: The function's keyword arguments.

    Raises:
        RuntimeError: The process failed. The message is the end of its stderr.
    """
    target = f"{function.__module__}:{function.__name__}"
    python = ["env", "PYTHONHASHSEED=0", *prefix, sys.executable]
    command = [*python, "-m", "benchmarks.child", target, json.dumps(given)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    if done.returncode:
        raise RuntimeError(f"{target} {given} failed:\n{done.stderr[-2000:]}")
    result: Result = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Call the function, print its result, and exit without running exit hooks."""
    module, _, name = sys.argv[1].partition(":")
    result = getattr(import_module(module), name)(**json.loads(sys.argv[2]))
    sys.stdout.write(f"\n{json.dumps(result)}\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
