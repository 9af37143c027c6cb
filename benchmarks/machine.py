"""The machine and the versions of a run."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

PACKAGES: Final = (
    "sqreen-mw",
    "sentry-sdk",
    "posthog",
    "opentelemetry-sdk",
    "segment-analytics-python",
    "uvicorn",
)


def machine() -> dict[str, str]:
    """Return the processor, the system, Python and the versions of the contestants."""
    load = os.getloadavg()[0]
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores, load {load:.1f} at the end",
        "system": platform.platform(),
        "Python": platform.python_version(),
        **{name: found for name in PACKAGES if (found := _version(name))},
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
