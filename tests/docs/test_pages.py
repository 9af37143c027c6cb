"""Each page is followed as it is written, with real servers."""

from pathlib import Path

import pytest

from tests.docs.page_runner import PageRunner
from tests.docs.pages import PAGES, blocks_of

pytestmark = pytest.mark.slow

TESTED_ELSEWHERE = {"docs/architecture.md", "docs/settings.md", "docs/events.md"}
"""Pages with blocks that other tests check."""


SMOKE = {"docs/quickstart.md"}


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[pytest.mark.smoke] * (page in SMOKE))
        for page in PAGES
        if page not in TESTED_ELSEWHERE
    ],
)
def test_page_can_be_followed(page: str, tmp_path: Path) -> None:
    """Its commands succeed, and its events and output are as shown."""
    runner = PageRunner(tmp_path)
    try:
        for block in blocks_of(page):
            runner.follow(block)
        runner.run_script()
    finally:
        runner.stop()
