from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.capture.text import clean_text


@given(st.text(st.characters()))
def test_clean_text_is_text_that_utf8_can_say(text: str) -> None:
    """Clean text always encodes, and text that encodes is left as it is."""
    cleaned = clean_text(text)

    assert len(cleaned.encode()) >= len(cleaned)
    if not any("\ud800" <= character <= "\udfff" for character in text):
        assert cleaned == text
