"""The page of privacy says what the scrubber does."""

import re

from sqreen_mw.scrubbing.key_names import ORIGINAL_KEYS
from sqreen_mw.scrubbing.mask import MASK
from sqreen_mw.scrubbing.scrubber import Scrubber
from sqreen_mw.scrubbing.vendors import FORMATS
from tests.docs.pages import text_of

PAGE = text_of("docs/privacy.md")
KEYS, TEXTS = [
    re.findall(r"^\| `(.*)` \| `(.*)` \|$", table.group(), re.MULTILINE)
    for table in re.finditer(r"^\| (?:Masked|Text) \|.*?(?=\n\n)", PAGE, re.MULTILINE | re.DOTALL)
]


def test_keys_are_judged_as_told() -> None:
    """Each key of the table is masked, or is not, as the table has it."""
    scrubber = Scrubber()
    masked, unmasked = zip(*KEYS, strict=True)

    assert [key for key in masked if not scrubber.is_sensitive(key)] == []
    assert [key for key in unmasked if scrubber.is_sensitive(key)] == []
    assert set(ORIGINAL_KEYS.split()) <= set(masked)


def test_texts_are_masked_as_told() -> None:
    """Each text of the table leaves as the table has it."""
    scrubber = Scrubber()

    assert [(text, scrubber.text(text)) for text, _ in TEXTS] == TEXTS
    assert f"`{MASK}`" in PAGE


def test_so_many_kinds_of_keys_are_known() -> None:
    """The page does not boast."""
    assert len(FORMATS) > 150
