"""Check the address of a redirect."""


def local_path(text: str) -> str:
    """Return a path of the collector. An address outside of it becomes the Events page."""
    is_local = text.startswith("/") and not text.startswith("//")
    return text if is_local and text.isprintable() and "\\" not in text else "/events"
