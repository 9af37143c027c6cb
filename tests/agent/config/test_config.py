from pathlib import Path
from typing import Any

import pytest
import trustme

from sqreen_mw.agent.config.config import Config, Settings, changed_settings, load_config
from sqreen_mw.capture.client_ip import ClientIp, Networks
from sqreen_mw.capture.ignore_paths import PathPatterns
from sqreen_mw.errors import ConfigurationError
from sqreen_mw.scrubbing.scrubber import NullScrubber

COLLECTOR = {"SQREEN_URL": "http://localhost:7070", "SQREEN_TOKEN": "sqm_1_abc"}


def test_default_configuration_sends_nothing() -> None:
    """Without settings there is no URL."""
    assert load_config(environ={}) == Config()
    assert Config().url is None


def test_variables_are_parsed() -> None:
    """Each setting has a SQREEN_ variable."""
    config = load_config(
        environ={
            "SQREEN_URL": " https://collector.test/ ",
            "SQREEN_TOKEN": "sqm_1_abc\n",
            "SQREEN_APP_NAME": "shop",
            "SQREEN_ENVIRONMENT": "staging",
            "SQREEN_RELEASE": "1.2",
            "SQREEN_DISABLE": "yes",
            "SQREEN_FLUSH_INTERVAL": "0.5",
            "SQREEN_TRUSTED_PROXIES": "10.1.0.0/16, 10.2.0.1",
            "SQREEN_IP_HEADER": "CF-Connecting-IP",
        }
    )

    trusted = Networks(["127.0.0.0/8", "::1/128", "10.1.0.0/16", "10.2.0.1/32"])
    assert config == Config(
        url="https://collector.test",
        token="sqm_1_abc",
        app_name="shop",
        environment="staging",
        release="1.2",
        disable=True,
        flush_interval=0.5,
        client_ip=ClientIp(trusted=trusted, header="cf-connecting-ip", named=True),
    )


def test_keywords_override_variables() -> None:
    """A keyword wins; the environment sets the others."""
    config = load_config(Settings(token="sqm_2_def"), environ=COLLECTOR)

    assert (config.url, config.token) == ("http://localhost:7070", "sqm_2_def")


@pytest.mark.parametrize("several", [list, tuple, set, frozenset])
def test_lists_can_be_sequences_or_sets(several: Any) -> None:
    """A list is text with commas, or a list, tuple or set of text."""
    config = load_config(
        Settings(
            trusted_proxies=several(["10.1.0.0/16", "private"]),
            ignore_paths=several(["/healthz", "/a b*"]),
            strip_sensitive_keys=several(["iban", "pin"]),
        ),
        environ={},
    )

    text = load_config(Settings(trusted_proxies="10.1.0.0/16, private"), environ={})
    assert config.client_ip == text.client_ip
    assert config.ignore_paths == PathPatterns(["/healthz", "/a b*"])
    assert config.strip_sensitive_keys == ("iban", "pin")


def test_empty_variable_counts_as_not_set() -> None:
    """Shells and containers often set empty variables."""
    assert load_config(environ={"SQREEN_URL": "", "SQREEN_FLUSH_INTERVAL": ""}) == Config()


def test_private_means_the_documented_networks() -> None:
    """``private`` trusts RFC 1918 and similar networks, but not public ones."""
    trusted = load_config(environ={"SQREEN_TRUSTED_PROXIES": "private"}).client_ip.trusted

    assert bytes([172, 17, 0, 1]) in trusted
    assert bytes([203, 0, 113, 9]) not in trusted


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"url": "localhost:7070"}, "url / SQREEN_URL must begin with one of http://"),
        ({"url": "http://"}, "has no host"),
        ({"url": "http://x:70700"}, "url / SQREEN_URL has an invalid port: write it as http://"),
        ({"url": "http://x ; the collector"}, "must be only the collector's address"),
        ({"url": "http://me:secret@x"}, "set the token as SQREEN_TOKEN"),
        ({"url": 7}, "url / SQREEN_URL must be text, not int"),
        ({"url": "http://x/v1/events"}, "must be only the collector's address"),
        ({"url": "http://x?a=1"}, "must be only the collector's address"),
        ({"url": "http://x/#a"}, "must be only the collector's address"),
        ({"url": "file://events.jsonl"}, "has no path: write it as file:///"),
        ({"url": "file://logs/events.jsonl"}, "has no path: write it as file:///"),
        ({"url": "http://x"}, "token / SQREEN_TOKEN is missing"),
        ({"token": "a b"}, "token / SQREEN_TOKEN must be printable ASCII"),
        ({"token": ""}, "token / SQREEN_TOKEN must not be empty: make one with"),
        ({"release": 1.2}, "release / SQREEN_RELEASE must be text, not float"),
        ({"app_name": "\n"}, "app_name / SQREEN_APP_NAME must be printable"),
        ({"app_name": "x" * 257}, "at most 256 characters"),
        ({"disable": "perhaps"}, "disable / SQREEN_DISABLE must be 1 or 0 (it is 'perhaps')"),
        ({"flush_interval": "5s"}, "SQREEN_FLUSH_INTERVAL must be a number (it is '5s')"),
        ({"flush_interval": True}, "SQREEN_FLUSH_INTERVAL must be a number (it is 'True')"),
        ({"flush_interval": 0}, "more than 0 and at most 60"),
        ({"flush_interval": float("nan")}, "more than 0 and at most 60"),
        ({"flush_interval": 61}, "more than 0 and at most 60"),
        ({"trusted_proxies": "10.0.0.0/99"}, "must be networks such as 10.0.0.0/8"),
        ({"ip_header": "X-Real-IP, Via"}, "must be the name of one header"),
        ({"ip_header": "X_Real_IP"}, "without underscores"),
        ({"tokn": "x"}, "'tokn' is no setting; did you mean token?"),
        ({"zzz": "x"}, "'zzz' is no setting; there are: app_name, before_send, "),
        ({"trusted_proxies": ["10.0.0.0/8", 7]}, "must be a list of text, one element is 7"),
        ({"trusted_proxies": 7}, "must be text or a list of text, not int"),
        ({"trusted_proxies": b"10.0.0.0/8"}, "must be text or a list of text, not bytes"),
        ({"ignore_paths": {"/healthz", None}}, "must be a list of text, one element is None"),
        ({"ignore_paths": {"/healthz": 1}}, "must be text or a list of text, not dict"),
        ({"strip_sensitive_keys": []}, "must be names of keys, such as password, secret"),
    ],
)
def test_wrong_setting_raises_with_name_and_fix(settings: Any, expected: str) -> None:
    """A wrong setting stops the start; the message contains its names and the fix."""
    with pytest.raises(ConfigurationError) as raised:
        load_config(settings, environ={})

    assert expected in str(raised.value)


def test_token_is_never_shown() -> None:
    """Neither an error nor the repr of a configuration shows the token."""
    with pytest.raises(ConfigurationError) as raised:
        load_config(Settings(token="sec ret"), environ={})

    assert "sec ret" not in str(raised.value)
    assert "sqm_1_abc" not in repr(load_config(environ=COLLECTOR))


@pytest.mark.parametrize(
    ("content", "expected"),
    [(None, "No such file or directory (it is '"), ("no certificate", "it contains none (it is '")],
)
def test_ca_file_is_checked_at_the_start(
    tmp_path: Path, content: str | None, expected: str
) -> None:
    """A missing file, or a file without a certificate, stops the start."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)

    with pytest.raises(ConfigurationError) as raised:
        load_config({"ca_file": path}, environ={})

    message = str(raised.value)
    assert message.startswith("ca_file / SQREEN_CA_FILE must name a file of certificates in PEM")
    assert expected in message


def test_ca_file_becomes_a_full_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon may change its working directory later."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.chdir(tmp_path)

    assert load_config(environ={"SQREEN_CA_FILE": "ca.pem"}).ca_file == str(tmp_path / "ca.pem")


@pytest.mark.parametrize(("text", "flag"), [("0", False), ("No", False), ("TRUE", True)])
def test_bool_settings_have_several_spellings(text: str, *, flag: bool) -> None:
    """Case does not matter."""
    assert load_config(environ={"SQREEN_DISABLE": text}).disable is flag


def test_changed_settings_names_differences() -> None:
    """Only the settings that differ are returned."""
    assert changed_settings(Config(), Config(release="2")) == ["release"]
    assert changed_settings(load_config(environ=COLLECTOR), load_config(environ=COLLECTOR)) == []


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"ignore_paths": "healthz"}, "ignore_paths / SQREEN_IGNORE_PATHS must be paths such as"),
        ({"strict": "maybe"}, "strict / SQREEN_STRICT must be 1 or 0"),
        ({"strip_sensitive_keys": " , "}, "must be names of keys, such as password, secret"),
        ({"strip_sensitive_regex": "("}, "strip_sensitive_regex / SQREEN_STRIP_SENSITIVE_REGEX"),
        ({"before_send": 42}, "before_send must be a function of an event"),
        ({"scrubber": object()}, "scrubber must have the methods text, value and is_sensitive"),
    ],
)
def test_wrong_event_setting_raises_with_name_and_fix(settings: Any, expected: str) -> None:
    """Hooks, patterns and keys are checked at the start too."""
    with pytest.raises(ConfigurationError) as raised:
        load_config(settings, environ={})

    assert expected in str(raised.value)


def test_event_settings_are_parsed() -> None:
    """Paths, keys and patterns have variables; hooks do not."""
    config = load_config(
        environ={
            "SQREEN_IGNORE_PATHS": "/healthz, /static/*",
            "SQREEN_STRICT": "1",
            "SQREEN_STRIP_SENSITIVE_DATA": "0",
            "SQREEN_STRIP_SENSITIVE_KEYS": "iban, pin",
            "SQREEN_STRIP_SENSITIVE_REGEX": "X+",
            "SQREEN_BEFORE_SEND": "print",
        }
    )

    assert config == Config(
        ignore_paths=PathPatterns(["/healthz", "/static/*"]),
        strict=True,
        strip_sensitive_data=False,
        strip_sensitive_keys=("iban", "pin"),
        strip_sensitive_regex="X+",
    )
    assert isinstance(config.scrubber, NullScrubber)


def test_spool_settings_are_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory becomes a full path; MiB become bytes and hours become seconds."""
    monkeypatch.chdir(tmp_path)
    config = load_config(
        Settings(spool_size=8, spool_age=0.5), environ={"SQREEN_SPOOL_DIR": "spool"}
    )

    assert config.spool_dir == str(tmp_path / "spool")
    assert (config.spool_size, config.spool_age) == (8 * 1024 * 1024, 1800.0)
    assert not (tmp_path / "spool").exists()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Settings(spool_dir=" "), "spool_dir / SQREEN_SPOOL_DIR must name a directory"),
        (Settings(spool_size=3), "must be MiB, at least 4 and at most 1048576"),
        (Settings(spool_size=float("nan")), "must be MiB"),
        (Settings(spool_age=0), "must be hours, more than 0 and at most 8760"),
    ],
)
def test_wrong_spool_setting_raises(settings: Settings, expected: str) -> None:
    """The message contains the limits."""
    with pytest.raises(ConfigurationError, match=expected):
        load_config(settings, environ={})
