import socket
from pathlib import Path

import pytest

from sqreen_mw.cli.ready import collector_url
from sqreen_mw.collector.settings import Settings


def test_the_url_is_the_one_that_people_use() -> None:
    """Behind a proxy the address is the proxy's, whatever is listened on."""
    settings = Settings(data_dir=Path(), root_path="/x", public_url="https://example.com/x")

    assert collector_url(settings, port=7070) == "https://example.com/x"


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "localhost"),
        ("::1", "[::1]"),
        ("0.0.0.0", socket.gethostname()),  # noqa: S104 that is the point
        ("::", socket.gethostname()),
    ],
)
def test_the_url_can_be_opened(host: str, shown: str) -> None:
    """The URL has brackets around IPv6, and the machine's name where it listens everywhere."""
    settings = Settings(data_dir=Path(), host=host, root_path="/sqreen")

    assert collector_url(settings, port=7070) == f"http://{shown}:7070/sqreen"
