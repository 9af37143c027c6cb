"""Does a pool of multiprocessing hang if it is terminated at a random moment while it tracks?

::

    python -m benchmarks.terminated_pools --rounds 1000
"""

import argparse
import subprocess
import sys
from typing import Final

from benchmarks.stub.running import running_stub

SCRIPT: Final = "from tests.delivery.terminated_pools import run_rounds; run_rounds({rounds})"


def main() -> None:
    """Terminate pools and children in turn, and print how long the longest round took.

    Raises:
        SystemExit: A round hung. Its stacks are on stderr.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=1000)
    rounds: int = parser.parse_args().rounds
    with running_stub() as stub:
        settings = (f"SQREEN_URL={stub.at('localhost')}", "SQREEN_TOKEN=t")
        command = ["env", *settings, sys.executable, "-c", SCRIPT.format(rounds=rounds)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)
    sys.stdout.write(f"{rounds} rounds, the longest took {float(done.stdout):.2f} s\n")


if __name__ == "__main__":
    main()
