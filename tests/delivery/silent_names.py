"""Machines whose name servers never answer, as a script under test meets them."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

REPLACED = """
import socket
import time

socket.getaddrinfo = lambda *_, **__: time.sleep(30)
"""

# A name server that takes questions and says nothing, on a machine with no other network.
NAME_SERVER = """
import fcntl
import socket
import struct

name_server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(name_server, 0x8914, struct.pack("16sh22x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP
name_server.bind(("127.0.0.1", 53))
"""

MOUNT = """
mount --bind resolv.conf "$(readlink -f /etc/resolv.conf)" || exit
mount --bind nsswitch.conf "$(readlink -f /etc/nsswitch.conf)" || exit
exec "$0" "$@"
"""

UNSHARE = ("unshare", "--map-root-user", "--mount", "--net", "sh", "-c", MOUNT)


@dataclass(frozen=True)
class SilentNames:
    """How to run a script where no name is answered.

    Attributes:
        prelude: What the script begins with.
        command: What runs it.
        settings: Variables of its environment.
    """

    prelude: str = REPLACED
    command: tuple[str, ...] = (sys.executable,)
    settings: Mapping[str, str] = field(default_factory=dict)


def silent_name_server(folder: Path) -> SilentNames:
    """Return a machine with the system's own resolver, or skip the test where none can be made."""
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    (folder / "nsswitch.conf").write_text("hosts: files dns\n")
    if not _has_namespaces(folder):
        pytest.skip("a network of its own needs Linux's namespaces, which are not allowed here")
    return SilentNames(
        prelude=NAME_SERVER,
        command=(*UNSHARE, sys.executable),
        settings={"RES_OPTIONS": "timeout:30 attempts:1"},
    )


def _has_namespaces(folder: Path) -> bool:
    if shutil.which("unshare") is None:
        return False
    command = (*UNSHARE, sys.executable, "-c", NAME_SERVER)
    return not subprocess.run(command, check=False, capture_output=True, cwd=folder).returncode
