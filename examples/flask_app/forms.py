"""Forms: only those that were rendered for the visitor's session are accepted."""

import secrets

from flask import abort, request, session
from werkzeug.exceptions import Forbidden

MAX_FIELD = 254
"""The maximum length of a text field."""


def form_token() -> str:
    """Return the token that every form of this session contains."""
    token: str = session.setdefault("form_token", secrets.token_urlsafe())
    return token


def refuse_forged_form() -> None:
    """Refuse a form without the session's token; runs before every request."""
    if request.method != "POST":
        return
    expected = session.get("form_token", "")
    given = request.form.get("form_token", "")
    if not expected or not secrets.compare_digest(given.encode(), expected.encode()):
        request.environ["sqreen.request"].track("form.forged")
        raise Forbidden("This form has expired. Go back and reload it.")


def field(name: str) -> str:
    """Return a text field of the form. A missing or too long field is refused."""
    text = request.form.get(name, "").strip()
    if not text or len(text) > MAX_FIELD:
        abort(400, f"The field “{name}” is missing or too long.")
    return text
