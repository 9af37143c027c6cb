from typing import Any

import pytest

from sqreen_mw.agent.config.config import load_config
from sqreen_mw.agent.config.http_proxy import Proxy, choose_proxy
from sqreen_mw.errors import ConfigurationError

OUT = "http://proxy.test:3128"
TOKEN = {"SQREEN_TOKEN": "sqm_1_abc"}


def chosen(url: str, own: str | None = None, **environ: str) -> tuple[str, str] | None:
    """Return the address and the setting of the proxy for a URL, with nothing to be said."""
    choice = choose_proxy(url, own, environ)
    assert choice.notes == ()
    return None if choice.proxy is None else (choice.proxy.url, choice.proxy.setting)


@pytest.mark.parametrize(
    ("url", "environ", "setting"),
    [
        ("https://c.test", {"HTTPS_PROXY": OUT}, "HTTPS_PROXY"),
        ("https://c.test", {"https_proxy": OUT, "HTTPS_PROXY": "http://no"}, "HTTPS_PROXY"),
        ("https://c.test", {"HTTP_PROXY": OUT}, None),
        ("https://c.test", {"ALL_PROXY": OUT}, "ALL_PROXY"),
        ("http://c.test", {"HTTP_PROXY": OUT, "ALL_PROXY": "http://no"}, "HTTP_PROXY"),
        ("http://c.test", {"http_proxy": "proxy.test:3128"}, "HTTP_PROXY"),
        ("http://c.test", {"HTTP_PROXY": ""}, None),
        ("file:///x", {"HTTP_PROXY": OUT, "ALL_PROXY": OUT}, None),
        ("http://c.test", {"HTTP_PROXY": OUT, "REQUEST_METHOD": "GET"}, None),
        ("http://c.test", {"http_proxy": OUT, "REQUEST_METHOD": "GET"}, "HTTP_PROXY"),
        ("http://localhost:7070", {"HTTP_PROXY": OUT}, None),
        ("http://app.localhost", {"HTTP_PROXY": OUT}, None),
        ("http://127.0.0.9", {"HTTP_PROXY": OUT}, None),
        ("http://[::1]:7070", {"HTTP_PROXY": OUT}, None),
        ("http://192.0.2.7", {"HTTP_PROXY": OUT}, "HTTP_PROXY"),
    ],
)
def test_the_usual_variables_are_obeyed(
    url: str, environ: dict[str, str], setting: str | None
) -> None:
    """They name the proxy by the URL's scheme, and this machine itself is reached without one."""
    assert chosen(url, **environ) == (None if setting is None else (OUT, setting))


@pytest.mark.parametrize(
    ("entry", "url", "excepted"),
    [
        ("*", "http://c.example.com", True),
        ("example.com", "http://example.com", True),
        ("example.com", "http://c.example.com.", True),
        (".example.com", "http://C.Example.com", True),
        ("*.example.com", "http://c.example.com", True),
        ("example.com", "http://notexample.com", False),
        ("example.com:7070", "http://example.com:7070", True),
        ("example.com:7070", "http://example.com:7071", False),
        ("a.test, example.com", "http://example.com", True),
        ("a.test example.com", "http://example.com", True),
        ("192.0.2.7", "http://192.0.2.7:80", True),
        ("192.0.2.0/24", "http://192.0.2.7", True),
        ("192.0.2.0/24", "http://198.51.100.7", False),
        ("192.0.2.0/24", "http://c.example.com", False),
        ("[2001:db8::7]", "http://[2001:db8::7]", True),
        ("2001:db8::/32", "http://[2001:db8::7]", True),
        ("", "http://c.example.com", False),
    ],
)
def test_exceptions_are_obeyed(entry: str, url: str, *, excepted: bool) -> None:
    """``NO_PROXY`` has domains, addresses and networks, with or without a port."""
    assert (chosen(url, HTTP_PROXY=OUT, NO_PROXY=entry) is None) is excepted
    assert (chosen(url, http_proxy=OUT, no_proxy=entry) is None) is excepted


def test_the_own_setting_wins() -> None:
    """What is set for events alone holds for every collector, one on this machine included."""
    environ = {"HTTP_PROXY": "http://no", "NO_PROXY": "*"}

    assert chosen("http://localhost:7070", OUT, **environ) == (OUT, "SQREEN_HTTP_PROXY")
    assert chosen("http://c.test", OUT, **environ) == (OUT, "SQREEN_HTTP_PROXY")


@pytest.mark.parametrize("value", ["socks5://proxy.test:1080", "http://", "http://jane:s3/cr@p"])
def test_a_usual_variable_that_is_wrong_is_said(value: str) -> None:
    """It is every program's, so it stops no start, and its password is not told."""
    config = load_config(
        environ={**TOKEN, "SQREEN_URL": "https://c.test", "HTTPS_PROXY": value, "NO_PROXY": "x"}
    )

    assert config.proxy is None
    [note] = config.notes
    assert note.startswith("HTTPS_PROXY is passed over: a proxy ")
    assert note.endswith("; SQREEN_HTTP_PROXY sets one of our own")
    assert "s3" not in note


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("socks5://proxy.test", "http_proxy / SQREEN_HTTP_PROXY must begin with http:// or https:"),
        ("http://", "names no host: write it as http://proxy.example.com:3128 (it is 'http://')"),
        ("http://proxy.test/path", "must be its address alone"),
        ("proxy.test:port", "has no right port"),
        ("http://jane:se/cret@proxy.test", "has no right port"),
        (7, "http_proxy / SQREEN_HTTP_PROXY"),
    ],
)
def test_a_wrong_proxy_of_our_own_stops_the_start(value: Any, said: str) -> None:
    """The message names the setting and the fix, and no password."""
    with pytest.raises(ConfigurationError) as raised:
        load_config({"http_proxy": value}, environ={})

    assert said in str(raised.value)
    assert "se/cret" not in str(raised.value)


def test_a_proxy_shows_no_password() -> None:
    """Neither the proxy nor the configuration that has it shows its address."""
    environ = {
        **TOKEN,
        "SQREEN_URL": "http://c.test",
        "SQREEN_HTTP_PROXY": "jane:secret@proxy.test",
    }
    config = load_config(environ=environ)

    assert config.proxy == Proxy(url="http://jane:secret@proxy.test")
    assert "secret" not in repr(config)
