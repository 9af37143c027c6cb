"""Text that every encoder takes."""


def clean_text(text: str) -> str:
    """Return the text with lone surrogates, which UTF-8 can't say, replaced by ``?``."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
