"""The changelog belongs to the version of the package."""

import re

from sqreen_mw.version import __version__
from tests.docs.pages import text_of

PAGE = text_of("CHANGELOG.md")
SECTIONS = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]


def test_newest_section_is_the_version() -> None:
    """The first section has the version of the package and a date."""
    assert re.match(rf"\[{re.escape(__version__)}\] - \d{{4}}-\d\d-\d\d\n", SECTIONS[0])


def test_sections_are_short() -> None:
    """No section is longer than a reader reads: 60 lines."""
    assert max(len(section.splitlines()) for section in SECTIONS) <= 60
