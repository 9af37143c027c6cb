"""CPU time of ``import sqreen_mw``, compared with importing the modules that it needs.

Measured in a fresh interpreter, also with the creation of the middleware.
"""

import subprocess
import sys
from statistics import median
from typing import Final

from benchmarks.figures import Figure, Plan
from benchmarks.peers.peer import OURS

ROUNDS: Final = 15
NEEDED: Final = "needed modules"

_NEEDED: Final = """
import sys
before = set(sys.modules)
import sqreen_mw
new = [name for name in sys.modules if name not in before]
print(*[name for name in new if name.partition(".")[0] != "sqreen_mw"])
"""
_IMPORT: Final = """
import sys, time
begin = time.process_time_ns()
for name in sys.argv[1:]:
    __import__(name)
print(time.process_time_ns() - begin)
"""
_START: Final = """
import time
import sqreen_mw
begin = time.process_time_ns()
sqreen_mw.SqreenMiddleware(None, url="memory://")
print(time.process_time_ns() - begin)
"""


def measure(plan: Plan) -> list[Figure]:
    """Return the milliseconds of both, their ratio, and the time of creating the middleware."""
    needed = _output(_NEEDED).split()
    rounds = range(plan.rounds or ROUNDS)
    times = [(_milliseconds(_IMPORT, "sqreen_mw"), _milliseconds(_IMPORT, *needed)) for _ in rounds]
    ours, theirs = (median(column) for column in zip(*times, strict=True))
    starting = median(_milliseconds(_START) for _ in rounds)
    return [
        Figure(name="import, ms", values={OURS: ours, NEEDED: theirs}),
        Figure(name="import, x needed modules", values={OURS: ours / theirs}, digits=2),
        Figure(name="then the middleware, ms", values={OURS: starting}),
    ]


def _milliseconds(code: str, *arguments: str) -> float:
    return int(_output(code, *arguments)) / 1e6


def _output(code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
