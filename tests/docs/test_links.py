"""Links between the pages are valid."""

import re

import pytest

from tests.docs.pages import PAGES, ROOT, text_of

FENCED = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub creates for the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "SECURITY.md", *PAGES])
def test_links_are_valid(page: str) -> None:
    """Each linked file exists, and has the linked heading."""
    for link in re.findall(r"\]\(([^)]+)\)", FENCED.sub("", text_of(page))):
        if link.startswith("https://"):
            continue
        target, _, anchor = link.partition("#")
        path = (ROOT / page).parent / target if target else ROOT / page
        assert path.exists(), link
        assert not anchor or anchor in anchors(path.read_text()), link


def test_every_page_is_in_the_index() -> None:
    """The index links to every page."""
    index = text_of("docs/README.md")

    assert [page for page in PAGES if f"({page[len('docs/') :]}" not in index] == ["docs/README.md"]
