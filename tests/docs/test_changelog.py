"""The changelog belongs to the version of the package."""

import re

from sqreen_mw.version import __version__
from tests.docs.pages import text_of

PAGE = text_of("CHANGELOG.md")
SECTIONS = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
UNRELEASED = "[Unreleased]"


def test_newest_release_is_the_version() -> None:
    """After the unreleased changes comes the version of the package with a date."""
    released = [section for section in SECTIONS if not section.startswith(UNRELEASED)]

    assert re.match(rf"\[{re.escape(__version__)}\] - \d{{4}}-\d\d-\d\d\n", released[0])
    assert SECTIONS.index(released[0]) <= 1


def test_sections_are_short() -> None:
    """No section is longer than a reader reads: 60 lines."""
    assert max(len(section.splitlines()) for section in SECTIONS) <= 60
