import socket
import subprocess
from typing import Any

import pytest

from sqreen_mw.agent.delivery.loop import OwnResolverLoop
from tests.delivery.conftest import Runner

HANGS = """
import socket
import threading
import time
import sqreen_mw as sqreen

socket.getaddrinfo = lambda *_, **__: time.sleep(30)
sqreen.track("x")
print("ready", flush=True)
"""


@pytest.mark.parametrize("naive", ["", "a thread of threading"])
def test_a_resolver_that_hangs_keeps_no_process(runner: Runner, naive: str) -> None:
    """Who waits for the resolver is left behind at exit, and what it had is counted."""
    ended, errors = True, ""
    with runner.running(HANGS, naive) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            _, errors = process.communicate(timeout=8)
        except subprocess.TimeoutExpired:
            ended = False

    assert ended is not bool(naive)
    assert ended is ("1 events were not delivered before the exit, they are lost" in errors)


def test_a_name_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the resolver fails, a name is what it was last; one that was never known is not."""

    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror("gone")

    loop = OwnResolverLoop()

    def ask(host: str) -> Any:
        return loop.run_until_complete(loop.getaddrinfo(host, 80, type=socket.SOCK_STREAM))

    try:
        found = ask("localhost")
        monkeypatch.setattr(socket, "getaddrinfo", fail)

        assert ask("localhost") == found
        with pytest.raises(socket.gaierror):
            ask("localhost.localdomain")
    finally:
        loop.close()
