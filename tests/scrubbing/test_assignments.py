"""Values after a sensitive name and a sign."""

import pytest

from sqreen_mw.protocol.mask import MASK
from sqreen_mw.scrubbing.scrubber import Scrubber

SCRUBBER = Scrubber()


@pytest.mark.parametrize(
    "value",
    [
        *("wrong", "short", "match", "missing", "must", "string", "required", "7", "42", "!!", "%"),
        *(":secret", "get(abc", "foo[bar", "@mypass1", "request.x", "Long.password", "<hunter2>"),
        *("{abc}", "{{abc}}", "xXxX", "$(abc", "$ecret", "a(b)", "[x]", "/x", "None1", '"wrong"'),
        "'must'",
    ],
)
@pytest.mark.parametrize("name", ["password", "db_password", "api_key"])
def test_any_value_directly_after_equals_is_masked(name: str, value: str) -> None:
    """A word, a number or signs directly after ``=`` are a secret."""
    for text in (f"{name}={value}", f"login {name}={value} failed", f"/login?{name}={value}&a=b"):
        masked = SCRUBBER.text(text)

        assert MASK in masked
        assert value.strip("\"'})>]") not in masked.replace(MASK, "").removeprefix("/login")


@pytest.mark.parametrize(
    "value",
    [
        *("None", "null", "true", "no", "***", "xxxx", "XXXX", "?", "%s", "$1", "[FILTERED]"),
        *("password", ":password", "@password", "%(password)s", "{password}", "{{ password }}"),
        *("$DB_PASSWORD", "${DB_PASSWORD}", "<password>", "<your password>", "YOUR_PASSWORD"),
        *("self.password", "settings.DB_PASSWORD", "user.password", "form.password.data"),
        *('os.getenv("PW")', "get_password()", "hash_password(raw)", "request.form['password']"),
    ],
)
def test_known_placeholders_directly_after_equals_are_kept(value: str) -> None:
    """Placeholders, references to a secret, and code that reads one are kept."""
    text = f"login(password={value})"

    assert SCRUBBER.text(text) == text


@pytest.mark.parametrize("text", ["token=expired user=4", "auth=failed", "cookie=missing"])
def test_states_of_ambiguous_names_are_kept(text: str) -> None:
    """The state of a token is not a secret."""
    assert SCRUBBER.text(text) == text
