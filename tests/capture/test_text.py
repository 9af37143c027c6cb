from hypothesis import given
from hypothesis import strategies as st

from sqreen_mw.capture.text import clean_text


@given(st.text(st.characters()))
def test_clean_text_is_valid_utf8(text: str) -> None:
    """Clean text can be encoded, and valid text is unchanged."""
    cleaned = clean_text(text)

    assert len(cleaned.encode()) >= len(cleaned)
    if not any("\ud800" <= character <= "\udfff" for character in text):
        assert cleaned == text
