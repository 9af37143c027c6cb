"""The page of the architecture names files and packages that exist."""

import re

import pytest

from tests.docs.pages import ROOT, text_of

PAGE = text_of("docs/architecture.md")
PLACES = sorted(set(re.findall(r"`((?:sqreen_mw|tests|docs)/[\w/.]+)`", PAGE)))
IN_PICTURE = sorted(set(re.findall(r"<br>([\w/.]+/[\w/.]+)[\"\]]", PAGE)))


@pytest.mark.parametrize("place", PLACES)
def test_places_exist(place: str) -> None:
    """Each path of the page is a file or a folder of the repository."""
    assert (ROOT / place).exists()


@pytest.mark.parametrize("place", IN_PICTURE)
def test_places_in_the_picture_exist(place: str) -> None:
    """Each path in the picture is below the package or its agent."""
    folders = (ROOT / "sqreen_mw", ROOT / "sqreen_mw" / "agent")

    assert any((folder / place).exists() for folder in folders)


def test_packages_are_those_of_the_contract() -> None:
    """The line of packages is the one that import-linter checks."""
    contract = re.search(
        r'^layers = \["__main__".*\]$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE
    )

    assert contract is not None
    layers = re.findall(r'"([^"]+)"', contract[0])
    line = " > ".join(f"({layer})" if "|" in layer else layer for layer in layers)
    assert line in PAGE
