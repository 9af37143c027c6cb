import socket
from pathlib import Path

import pytest

from sqreen_mw.cli.banner import collector_url
from sqreen_mw.collector.settings import Settings


def test_public_url_wins() -> None:
    """Behind a proxy, the URL is the proxy's, whatever address the collector listens on."""
    settings = Settings(data_dir=Path(), root_path="/x", public_url="https://example.com/x")

    assert collector_url(settings, port=7070) == "https://example.com/x"


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "localhost"),
        ("::1", "[::1]"),
        ("0.0.0.0", socket.gethostname()),
        ("::", socket.gethostname()),
    ],
)
def test_url_can_be_opened(host: str, shown: str) -> None:
    """IPv6 addresses get brackets, and a wildcard address becomes the machine's name."""
    settings = Settings(data_dir=Path(), host=host, root_path="/sqreen")

    assert collector_url(settings, port=7070) == f"http://{shown}:7070/sqreen"
