from pathlib import Path

import pytest

import sqreen_mw as sqreen
from sqreen_mw.agent.config.config import Settings, load_config, load_with_sources
from sqreen_mw.agent.config.settings_table import SETTINGS
from sqreen_mw.agent.null import NullAgent
from sqreen_mw.agent.runtime import configure
from sqreen_mw.capture.ignore_paths import PathPatterns
from sqreen_mw.errors import ConfigurationError

INI = """\
# what the shop needs
[sqreen]
app_name = shop
environment: staging
flush_interval = 2
release =
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty directory."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


def test_keyword_wins_over_variable_over_file(folder: Path) -> None:
    """The origin of each value is known."""
    (folder / "sqreen.ini").write_text(INI)

    resolved = load_with_sources(Settings(app_name="kiosk"), environ={"SQREEN_ENVIRONMENT": "test"})

    config = resolved.config
    assert (config.app_name, config.environment, config.flush_interval) == ("kiosk", "test", 2.0)
    assert {name: found.origin for name, found in resolved.values.items()} == {
        "app_name": "keyword",
        "environment": "SQREEN_ENVIRONMENT",
        "flush_interval": "sqreen.ini, line 5",
    }


def test_named_file_wins_over_working_directory_over_home(folder: Path) -> None:
    """Only one file is read."""
    home = folder / "home"
    home.mkdir()
    environ = {"HOME": str(home)}
    (home / ".sqreen.ini").write_text("[sqreen]\nrelease = home")
    (home / "named.ini").write_text("[sqreen]\nrelease = named")

    at_home = load_config(environ=environ)
    (folder / "sqreen.ini").write_text("[sqreen]\nrelease = near")
    near = load_config(environ=environ)
    named = load_config(environ={**environ, "SQREEN_CONFIG_FILE": "~/named.ini"})

    assert (at_home.release, near.release, named.release) == ("home", "near", "named")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("url = x", "line 1: write [sqreen] above the settings"),
        ("", "has no section: write [sqreen] above the settings"),
        ("[other]\nurl = x", "has no section: write [sqreen] above the settings"),
        ("[sqreen]\n\nwhat is this", "line 3: write one setting per line, such as release = 1.2"),
        ("[sqreen]\nrelease = 1\nrelease = 2", "line 3: release is set twice"),
        ("[sqreen]\n[sqreen]", "line 2: the section [sqreen] occurs twice"),
        ("[a]\nurl = x\n[sqreen]\nURL = there", "line 4: url must begin with one of http://"),
        ("[sqreen]\n; a\n tokn = x", "line 3: 'tokn' is no setting; did you mean token?"),
        ("[sqreen]\nsqreen_url = x", "line 2: 'sqreen_url' is no setting; did you mean url?"),
        ("[sqreen]\nSQREEN_TOKN = x", "line 2: 'sqreen_tokn' is no setting; did you mean token?"),
        ("[sqreen]\ntoken = x  ; mine", "line 2: token has a comment behind its value: move it"),
        ("[sqreen]\ntoken = x\t# mine", "line 2: token has a comment behind its value: move it"),
        ("[sqreen]\nrelease = ; none", "line 2: release has a comment behind its value: move it"),
        ("[sqreen]\nignore_paths = /a, # a\n /b", "line 2: ignore_paths has a comment behind"),
        ("[sqreen]\ntoken = a b", "line 2: token must be printable ASCII"),
        ("[sqreen]\nscrubber = x", "line 2: scrubber is an object of the app"),
    ],
)
def test_error_in_the_file_names_file_and_line(folder: Path, text: str, expected: str) -> None:
    """An error in the file stops the start."""
    (folder / "sqreen.ini").write_text(text)

    with pytest.raises(ConfigurationError) as raised:
        load_config(environ={})

    assert str(raised.value).startswith("sqreen.ini")
    assert expected in str(raised.value)
    assert "a b" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_unreadable_file_is_named(folder: Path) -> None:
    """The named file must exist and contain text."""
    (folder / "latin.ini").write_bytes(b"[sqreen]\nrelease = \xe9")

    faults = {"nowhere.ini": "is no file", "x" * 300: "is no file", "latin.ini": "not UTF-8 text"}
    for name, said in faults.items():
        with pytest.raises(ConfigurationError, match=f"{name}.*{said}"):
            load_config(environ={"SQREEN_CONFIG_FILE": name})


def test_comment_sign_inside_a_value_belongs_to_it(folder: Path) -> None:
    """A # or ; is part of a value if no space precedes it; whole lines are comments."""
    (folder / "sqreen.ini").write_text(
        "[sqreen]\n# one\nrelease = 1#2;3\nstrip_sensitive_regex = order \\#\\d+\n"
        "ignore_paths = /a#b,\n  ; two\n  /c;d\n"
    )

    config = load_config(environ={})

    assert (config.release, config.strip_sensitive_regex) == ("1#2;3", r"order \#\d+")
    assert config.ignore_paths == PathPatterns(("/a#b", "/c;d"))


def test_disabled_sdk_reads_no_file(folder: Path) -> None:
    """SQREEN_DISABLE works even if the file is broken."""
    (folder / "sqreen.ini").write_text("nonsense")

    assert load_config(environ={"SQREEN_DISABLE": "1"}).disable
    assert load_config(Settings(disable=True), environ={}).disable
    with pytest.raises(ConfigurationError):
        load_config(environ={"SQREEN_DISABLE": "0"})


def test_disabled_sdk_accepts_wrong_settings() -> None:
    """SQREEN_DISABLE works even if other settings are wrong; they are noted."""
    config = load_config(
        environ={"SQREEN_DISABLE": "1", "SQREEN_URL": "collector:7070", "SQREEN_RELEASE": "1.2"}
    )

    assert (config.disable, config.url, config.release) == (True, None, "1.2")
    assert "url / SQREEN_URL must begin with" in config.notes[0]


@pytest.mark.parametrize(
    ("variable", "note"),
    [
        ("SQREEN_TOKN", "SQREEN_TOKN is no setting of sqreen_mw; did you mean SQREEN_TOKEN?"),
        ("SQREEN_ZZZ", "SQREEN_ZZZ is no setting of sqreen_mw; there are: SQREEN_APP_NAME, "),
        ("SQREEN_BEFORE_SEND", "SQREEN_BEFORE_SEND has no effect: before_send is an object of"),
    ],
)
def test_unknown_variable_is_noted(variable: str, note: str) -> None:
    """It may belong to another program, so it does not stop the start."""
    [line] = load_config(environ={variable: "x", "SQREEN_COLLECTOR_PORT": "1"}).notes

    assert line.startswith(note)


def test_settings_of_the_original_are_noted_in_one_sentence(folder: Path) -> None:
    """The sentence contains their replacements."""
    (folder / "sqreen.ini").write_text("[sqreen]\nlog_level = DEBUG")

    [note] = load_config(environ={"SQREEN_PROXY_URL": "http://proxy.test"}).notes

    assert note == (
        "settings of the original Sqreen that have no effect here: SQREEN_PROXY_URL (use "
        "SQREEN_HTTP_PROXY), log_level (set the level of the logger sqreen_mw)"
    )


def test_notes_are_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Each note is logged once, even with several middlewares."""
    monkeypatch.setenv("SQREEN_FLUSH_INTERVALL", "1")

    assert isinstance(configure(), NullAgent)
    configure()

    assert caplog.messages == [
        "SQREEN_FLUSH_INTERVALL is no setting of sqreen_mw; did you mean SQREEN_FLUSH_INTERVAL?"
    ]


def test_broken_file_does_not_raise_into_the_app(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With a broken file, calls do nothing; the reason is logged once."""
    (folder / "sqreen.ini").write_text("nonsense")

    assert sqreen.track("x") is None
    assert sqreen.track("y") is None

    assert len(caplog.messages) == 1
    assert "sqreen_mw is off: sqreen.ini, line 1" in caplog.text


def test_table_contains_every_setting() -> None:
    """The typed keywords match the table, and so do the defaults."""
    assert set(Settings.__annotations__) == set(SETTINGS)
    defaults = load_config(environ={})
    for name in ("environment", "disable", "flush_interval", "strict", "strip_sensitive_data"):
        setting = SETTINGS[name]
        assert setting.parse(setting.default) == getattr(defaults, name)
