"""Long and hostile texts: scrubbing takes time in proportion to their length."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sqreen_mw.scrubbing import sensitive_words as words
from sqreen_mw.scrubbing.scrubber import Scrubber

SIZE = 200_000
GENEROUS_S = 20
"""A hundred times the usual time; quadratic time would be hours."""

SMALL_SIZE = 64 * 1024
SMALL_CPU_S = 0.25
"""Ten times the usual time of a small text; a search from each name to the end takes a second."""

NAMES = sorted(
    {
        *f"{words.AMBIGUOUS} {words.ORIGINAL_KEYS} {words.KIN} {words.CODES}".split(),
        *f"{words.WHOLE_KEYS} {words.PERSON_IDS} {words.WORLD} {words.COMPOUNDS}".split(),
        *("state", "login_code", "api key", "new password"),
    }
)
SIGNS = ["=", ": ", ":", " = ", "=>", "%3D", '="', "='", '":"', "->", " is ", ": str = "]
VALUES = ["", "a/", "a ", "a.b(", "get(", "$(", "{", "<", "a,", "a&", "Basic ", "aA1", "1-", "'+"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "part",
    [
        *("a", " ", "-", "\\", "=", ":", "a=", "a:", "1", "4111 ", "4 1-", "eyJ", "eyJabcdefgh."),
        *("eyJabcdefgh-", "://", "://a:", "://a:b@", "://a:b/", "password=", 'password="', "%3D"),
        *('password="\\', "password: ", "bearer ", "bearer a", "basic a", "-----BEGIN ", "sk-"),
        *("-----BEGIN PRIVATE KEY-----", "curl -u a:", " -u a", "'password '", "token=a.", "{{"),
        *('"password":{', '"password":[', "&sig=", "--token ", "<password>", "</", "M.", "AA:AA"),
        *(
            "password=a b ",
            "xox",
            "a.atlasv1.",
            "1:AA",
            "passwordnew",
            "jdbc:oracle:a:b/",
            "\u0661",
            "password is ",
            "token -> ",
            "<input name=password value=",
            "<a b=",
            "('token', '",
            "machine a login b password ",
            "user x password ",
            "://a:user x password ",
            "ab is 1",
            "->1",
            "ab is '",
            "name: password, value: ",
            'name="password"\n\n',
            "with password a",
            "password for a ",
            "4111 1111 1111 1112 ",
            "aB3/",
            "/reset/",
            "/reset/aB3dE5fG7hI9/",
            "reset-",
            "://aaaaaaaaaaaaaaa1",
            "://aB3dE5fG7hI9jK1l@",
            "DE89 ",
            "DE89370400440532013000 ",
            "0000-",
            "4 ",
            "session=aaaaaaaaaaaaaaaa ",
            "session=8f14e45fceea167a ",
            "drowssap",
            "api_",
            "/hooks/catch/123",
            "bindpw ",
            "<key>",
            "<a>]",
            "password=a,",
            "password=a'b",
            "hooks.slack.com/",
            "=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "a1-",
            "İ",
        ),
    ],
)
def test_long_texts_are_scrubbed_quickly(part: str) -> None:
    """A long text of one repeated part is scrubbed within a generous bound."""
    text = part * (SIZE // len(part))

    started = time.monotonic()
    Scrubber().text(text)

    assert time.monotonic() - started < GENEROUS_S


@pytest.mark.slow
@given(name=st.sampled_from(NAMES), sign=st.sampled_from(SIGNS), value=st.sampled_from(VALUES))
@example(name="session", sign="=", value="")
@example(name="state", sign="=", value="")
@example(name="sid", sign="=", value="a/")
@example(name="code", sign=": ", value="a/")
@example(name="password", sign="=", value="a.b(")
def test_repeated_names_are_scrubbed_quickly(name: str, sign: str, value: str) -> None:
    """The value of a name is not read to its end for each of the names in it."""
    part = f"{name}{sign}{value}"
    text = part * (SMALL_SIZE // len(part))
    scrubber = Scrubber()
    scrubber.text(f"{name}=1 is 1")  # compiles the patterns

    started = time.process_time()
    scrubber.text(text)

    assert time.process_time() - started < SMALL_CPU_S
