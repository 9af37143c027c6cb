from pathlib import Path
from typing import Any

import pytest

from sqreen_mw.collector.settings import Settings, load_settings
from sqreen_mw.errors import ConfigurationError


def test_default_settings() -> None:
    """Without settings the collector listens on loopback and stores data in the user's folder."""
    settings = load_settings(environ={"XDG_DATA_HOME": "/data"})

    assert settings == Settings(data_dir=Path("/data/sqreen-mw"), host="127.0.0.1", port=7070)
    assert settings.events_url == "sqlite:////data/sqreen-mw/events.db"
    assert settings.state_url == "sqlite:////data/sqreen-mw/state.db"
    assert load_settings(environ={}).data_dir == Path.home() / ".local/share/sqreen-mw"


def test_precedence_of_settings() -> None:
    """An option overrides its variable, and a variable the default."""
    environ = {
        "SQREEN_COLLECTOR_PORT": "8000",
        "SQREEN_COLLECTOR_HOST": "::1",
        "SQREEN_COLLECTOR_DATA_DIR": "/data",
        "SQREEN_COLLECTOR_ROOT_PATH": "/sqreen",
        "SQREEN_COLLECTOR_EVENTS_URL": "sqlite:///x.db",
        "SQREEN_TOKEN": "is for the SDK",
    }

    settings = load_settings({"port": 9000, "host": None}, environ=environ)

    assert (settings.port, settings.host, settings.root_path) == (9000, "::1", "/sqreen")
    assert (settings.data_dir, settings.events_url) == (Path("/data"), "sqlite:///x.db")


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.2", False),
        ("collector.example.com", False),
    ],
)
def test_loopback_hosts(*, host: str, is_loopback: bool) -> None:
    """Only loopback addresses and localhost are closed to other machines."""
    assert Settings(data_dir=Path(), host=host).is_loopback is is_loopback


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"port": -1}, "port is -1"),
        ({"port": 65536}, "0 to 65535"),
        ({"host": ""}, "host is empty"),
        ({"public_url": "sqreen.example.com"}, "public URL is 'sqreen.example.com'"),
        ({"public_url": "ftp://sqreen.example.com"}, "http or https"),
        ({"public_url": "https://"}, "such as https://"),
        ({"public_url": "https://sqreen.example.com/?a=b"}, "without a query"),
        ({"public_url": "https://sqreen.example.com/#a"}, "without a query"),
        ({"public_url": "https://me:pw@sqreen.example.com"}, "such as https://"),
        ({"public_url": "https://[x"}, "such as https://"),
        ({"public_url": "https://x:y"}, "such as https://"),
        ({"public_url": "https://x y"}, "such as https://"),
        ({"trusted_proxies": "proxy.example.com"}, "such as 10.0.0.0/8, or private"),
        ({"trusted_proxies": "10.0.0.0/33"}, "trusted proxies are '10.0.0.0/33'"),
        ({"log_level": "loud"}, "log level is 'loud': use one of debug"),
        ({"log_format": "xml"}, "log format is 'xml': use one of text, json"),
        ({"root_path": "sqreen"}, "start it with a slash"),
        ({"root_path": "/sqreen/"}, "end it without one"),
        ({"tls_cert": Path(__file__)}, "both a certificate and a key"),
        ({"tls_cert": Path("/nowhere"), "tls_key": Path(__file__)}, "/nowhere does not exist"),
    ],
)
def test_invalid_setting_is_rejected_with_the_fix(given: dict[str, Any], message: str) -> None:
    """The error shows a valid value."""
    with pytest.raises(ConfigurationError, match=message):
        load_settings({"data_dir": Path(), **given}, environ={})


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("SQREEN_COLLECTOR_PROT", "did you mean SQREEN_COLLECTOR_PORT"),
        ("SQREEN_COLLECTOR_FLAVOUR", "the settings are SQREEN_COLLECTOR_DATA_DIR"),
        ("SQREEN_COLLECTOR_PORT", "use a number"),
    ],
)
def test_invalid_variable_is_named(variable: str, message: str) -> None:
    """A misspelt or invalid variable is never ignored."""
    with pytest.raises(ConfigurationError, match=f"{variable} is .*{message}"):
        load_settings(environ={variable: "x"})


def test_empty_data_dir_is_rejected() -> None:
    """An empty data folder would mean the current folder."""
    with pytest.raises(ConfigurationError, match="data dir is empty"):
        load_settings(environ={"SQREEN_COLLECTOR_DATA_DIR": ""})


def test_public_url_has_no_trailing_slash() -> None:
    """Paths can be appended to the public URL."""
    environ = {"SQREEN_COLLECTOR_PUBLIC_URL": "https://example.com:8443/sqreen/"}

    assert load_settings(environ=environ).public_url == "https://example.com:8443/sqreen"


def test_tls_certificate_sets_the_scheme() -> None:
    """With a certificate the scheme is https."""
    file = Path(__file__)

    assert Settings(data_dir=Path(), tls_cert=file, tls_key=file).scheme == "https"
    assert Settings(data_dir=Path()).scheme == "http"


@pytest.mark.parametrize("given", [{}, {"data_dir": None}])
def test_missing_home_names_the_option(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]
) -> None:
    """Without a home folder the error names the option that replaces it."""
    monkeypatch.setattr(Path, "home", _no_home)

    with pytest.raises(ConfigurationError, match="no home folder: set --data-dir or SQREEN_"):
        load_settings(given, environ={})


def test_given_data_dir_needs_no_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The default folder is computed only if it is needed."""
    monkeypatch.setattr(Path, "home", _no_home)
    variable = {"SQREEN_COLLECTOR_DATA_DIR": str(tmp_path)}

    assert load_settings({"data_dir": tmp_path}, environ={}).data_dir == tmp_path
    assert load_settings(environ=variable).data_dir == tmp_path
    assert load_settings(environ={"XDG_DATA_HOME": "/data"}).data_dir == Path("/data/sqreen-mw")


def _no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")
