from typing import Any

import pytest

from sqreen_mw.agent.config.config import load_config
from sqreen_mw.agent.config.http_proxy import Proxy, choose_proxy
from sqreen_mw.errors import ConfigurationError

OUT = "http://proxy.test:3128"
TOKEN = {"SQREEN_TOKEN": "sqm_1_abc"}


def chosen(url: str, own: str | None = None, **environ: str) -> tuple[str, str] | None:
    """Return the address and the setting of the proxy for a URL."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        choice = choose_proxy(url, own)
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
def test_environment_names_the_proxy(
    url: str, environ: dict[str, str], setting: str | None
) -> None:
    """The variable depends on the URL's scheme; this machine is reached without a proxy."""
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
        ("192.0.2.7", "http://192.0.2.7:80", True),
        ("a.test, *", "http://example.com", True),
        ("192.0.2.0/24", "http://192.0.2.7", False),
        ("[2001:db8::7]", "http://[2001:db8::7]", True),
        ("", "http://c.example.com", False),
    ],
)
def test_no_proxy_lists_exceptions(entry: str, url: str, *, excepted: bool) -> None:
    """``NO_PROXY`` lists domains and addresses, with or without a port; networks do not work."""
    assert (chosen(url, HTTP_PROXY=OUT, NO_PROXY=entry) is None) is excepted
    assert (chosen(url, http_proxy=OUT, no_proxy=entry) is None) is excepted


def test_our_setting_wins() -> None:
    """``SQREEN_HTTP_PROXY`` applies to every collector, even on this machine."""
    environ = {"HTTP_PROXY": "http://no", "NO_PROXY": "*"}

    assert chosen("http://localhost:7070", OUT, **environ) == (OUT, "SQREEN_HTTP_PROXY")
    assert chosen("http://c.test", OUT, **environ) == (OUT, "SQREEN_HTTP_PROXY")


@pytest.mark.parametrize("value", ["socks5://proxy.test:1080", "http://", "http://jane:s3/cr@p"])
def test_wrong_variable_of_the_environment_is_noted(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """Other programs use it too, so it does not stop the start; the note hides its password."""
    monkeypatch.setenv("HTTPS_PROXY", value)
    monkeypatch.setenv("NO_PROXY", "x")

    config = load_config(environ={**TOKEN, "SQREEN_URL": "https://c.test"})

    assert config.proxy is None
    [note] = config.notes
    assert note.startswith("HTTPS_PROXY is ignored: a proxy ")
    assert note.endswith("; or set SQREEN_HTTP_PROXY")
    assert "s3" not in note


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("socks5://proxy.test", "http_proxy / SQREEN_HTTP_PROXY must begin with http:// or https:"),
        ("http://", "has no host: write it as http://proxy.example.com:3128 (it is 'http://')"),
        ("http://proxy.test/path", "must be only its address"),
        ("proxy.test:port", "has an invalid port"),
        ("http://jane:se/cret@proxy.test", "has an invalid port"),
        (7, "http_proxy / SQREEN_HTTP_PROXY"),
    ],
)
def test_wrong_http_proxy_stops_the_start(value: Any, expected: str) -> None:
    """The message names the setting and the fix, without the password."""
    with pytest.raises(ConfigurationError) as raised:
        load_config({"http_proxy": value}, environ={})

    assert expected in str(raised.value)
    assert "se/cret" not in str(raised.value)


def test_repr_hides_the_password_of_a_proxy() -> None:
    """Neither the proxy nor its configuration shows the address."""
    environ = {
        **TOKEN,
        "SQREEN_URL": "http://c.test",
        "SQREEN_HTTP_PROXY": "jane:secret@proxy.test",
    }
    config = load_config(environ=environ)

    assert config.proxy == Proxy(url="http://jane:secret@proxy.test")
    assert "secret" not in repr(config)
