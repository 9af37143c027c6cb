"""Long and hostile texts: scrubbing takes time in proportion to their length."""

import time

import pytest

from sqreen_mw.scrubbing.scrubber import Scrubber

SIZE = 200_000
GENEROUS_S = 20
"""A hundred times the usual time; quadratic time would be hours."""


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
