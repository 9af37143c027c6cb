"""Test on the real command that one client cannot use up the collector's connections."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import msgspec
import pytest

from tests.support.processes import ROOT, clean_environment
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.slow

FILES = 300
"""The hard limit of descriptors, above the soft one: 150 connections, 37 of an address."""

HEARTBEAT = b"POST /v1/heartbeat HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\nauthorization: Bearer "


@contextmanager
def small_collector(folder: Path) -> Iterator[tuple[tuple[str, int], str]]:
    """Serve a collector with few descriptors; return its address and its first token."""
    serve = f"{sys.executable} -m sqreen_mw serve --port 0 --json --data-dir {folder}"
    command = ["bash", "-c", f"ulimit -Sn 64 && ulimit -Hn {FILES} && exec {serve}"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=clean_environment({})
    ) as process:
        assert process.stdout is not None
        ready = msgspec.json.decode(process.stdout.readline())
        url = urlsplit(ready["url"])
        assert url.hostname
        assert url.port
        yield (url.hostname, url.port), ready["token"]
        process.terminate()


def is_open(client: socket.socket) -> bool:
    """Return True if the collector keeps a silent connection open."""
    try:
        return client.recv(1) != b""
    except TimeoutError:
        return True
    except ConnectionError:
        return False


def test_one_address_leaves_connections_to_others(tmp_path: Path) -> None:
    """Idle connections of an address are limited; another address and valid tokens get through."""
    with small_collector(tmp_path) as (address, token), ExitStack() as stack:

        def connect(source: str) -> socket.socket:
            client = socket.create_connection(address, source_address=(source, 0), timeout=PATIENCE)
            return stack.enter_context(client)

        agents = [connect("127.0.0.1") for _ in range(30)]
        for agent in agents:
            agent.sendall(
                HEARTBEAT + token.encode() + b"\r\nexpect: 100-continue\r\n"
                b"content-type: application/json\r\n\r\n"
            )
            assert b"100" in agent.recv(4096)  # The token is checked, and the body is awaited.
        idle = [connect("127.0.0.1") for _ in range(50)]
        for client in idle:
            client.settimeout(0.05)
        kept = [is_open(client) for client in idle]
        with httpx2.Client(
            transport=httpx2.HTTPTransport(local_address="127.0.0.2"), timeout=PATIENCE
        ) as second:
            answer = second.get(f"http://{address[0]}:{address[1]}/login")

    assert kept.count(True) == 37
    assert answer.status_code == 200
