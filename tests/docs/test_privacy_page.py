"""The examples of the page of privacy agree with the scrubber."""

import re

from sqreen_mw.protocol.mask import MASK
from sqreen_mw.scrubbing.scrubber import Scrubber
from sqreen_mw.scrubbing.sensitive_words import ORIGINAL_KEYS
from sqreen_mw.scrubbing.vendor_tokens import FORMATS
from tests.docs.pages import text_of

PAGE = text_of("docs/privacy.md")
KEYS, TEXTS = [
    re.findall(r"^\| `(.*)` \| `(.*)` \|$", table.group(), re.MULTILINE)
    for table in re.finditer(r"^\| (?:Masked|Text) \|.*?(?=\n\n)", PAGE, re.MULTILINE | re.DOTALL)
]


def test_example_keys_are_masked() -> None:
    """The scrubber masks the keys of the first column, and not those of the second."""
    scrubber = Scrubber()
    masked, unmasked = zip(*KEYS, strict=True)

    assert [key for key in masked if not scrubber.is_sensitive(key)] == []
    assert [key for key in unmasked if scrubber.is_sensitive(key)] == []
    assert set(ORIGINAL_KEYS.split()) <= set(masked)


def test_example_texts_are_masked() -> None:
    """The scrubber turns each text of the first column into the one of the second."""
    scrubber = Scrubber()

    assert [(text, scrubber.text(text)) for text, _ in TEXTS] == TEXTS
    assert f"`{MASK}`" in PAGE


def test_number_of_formats_is_correct() -> None:
    """There are more than 150 formats of keys and tokens, as the page claims."""
    assert len(FORMATS) > 150
