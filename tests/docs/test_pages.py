"""Each page is followed as it is written, with real servers, and does what it says."""

from pathlib import Path
from warnings import warn

import pytest

from tests.docs.pages import PAGES, blocks_of
from tests.docs.reader import Reader

OTHERWISE = {"docs/settings.md", "docs/events.md"}
"""Pages whose blocks other tests hold."""


@pytest.mark.filterwarnings("default::tests.docs.test_pages.ReadAgain")
@pytest.mark.parametrize("page", [page for page in PAGES if page not in OTHERWISE])
def test_a_page_can_be_followed(page: str, tmp_path: Path) -> None:
    """Its files are written, its commands end well, and its events and output are as shown.

    A page that fails is read once more: another process may have taken its port meanwhile.
    """
    try:
        _follow(page, tmp_path / "first")
    except AssertionError as error:
        warn(f"{page} is read again after {error}", ReadAgain, stacklevel=1)
        _follow(page, tmp_path / "again")


class ReadAgain(UserWarning):
    """Says that a page could not be followed the first time."""


def _follow(page: str, folder: Path) -> None:
    folder.mkdir()
    reader = Reader(folder)
    try:
        for block in blocks_of(page):
            reader.follow(block)
        reader.run_script()
    finally:
        reader.stop()
