"""Each page is followed as it is written, with real servers, and does what it says."""

from pathlib import Path

import pytest

from tests.docs.pages import PAGES, blocks_of
from tests.docs.reader import Reader

OTHERWISE = {"docs/architecture.md", "docs/settings.md", "docs/events.md"}
"""Pages whose blocks other tests hold."""


@pytest.mark.parametrize("page", [page for page in PAGES if page not in OTHERWISE])
def test_a_page_can_be_followed(page: str, tmp_path: Path) -> None:
    """Its files are written, its commands end well, and its events and output are as shown."""
    reader = Reader(tmp_path)
    try:
        for block in blocks_of(page):
            reader.follow(block)
        reader.run_script()
    finally:
        reader.stop()
