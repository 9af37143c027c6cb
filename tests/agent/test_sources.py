from pathlib import Path

import pytest

import sqreen_mw as sqreen
from sqreen_mw.agent.config.config import Settings, load_config, resolve
from sqreen_mw.agent.config.table import SETTINGS
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


def test_a_keyword_beats_a_variable_beats_the_file(folder: Path) -> None:
    """Each setting is taken from the first source that has it, and the source is told."""
    (folder / "sqreen.ini").write_text(INI)

    resolved = resolve(Settings(app_name="kiosk"), environ={"SQREEN_ENVIRONMENT": "test"})

    config = resolved.config
    assert (config.app_name, config.environment, config.flush_interval) == ("kiosk", "test", 2.0)
    assert {name: found.origin for name, found in resolved.found.items()} == {
        "app_name": "keyword",
        "environment": "SQREEN_ENVIRONMENT",
        "flush_interval": "sqreen.ini, line 5",
    }


def test_the_named_file_beats_the_near_one_beats_the_one_at_home(folder: Path) -> None:
    """One file is read: the named one, else that of the working directory, else that at home."""
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
    ("text", "said"),
    [
        ("url = x", "line 1: write [sqreen] above the settings"),
        ("", "has no section: write [sqreen] above the settings"),
        ("[other]\nurl = x", "has no section: write [sqreen] above the settings"),
        ("[sqreen]\n\nwhat is this", "line 3: write a setting a line, such as release = 1.2"),
        ("[sqreen]\nrelease = 1\nrelease = 2", "line 3: release is set twice"),
        ("[sqreen]\n[sqreen]", "line 2: the section [sqreen] is there twice"),
        ("[a]\nurl = x\n[sqreen]\nURL = there", "line 4: url must begin with one of http://"),
        ("[sqreen]\n; a\n tokn = x", "line 3: 'tokn' is no setting; did you mean token?"),
        ("[sqreen]\nsqreen_url = x", "line 2: 'sqreen_url' is no setting; did you mean url?"),
        ("[sqreen]\nSQREEN_TOKN = x", "line 2: 'sqreen_tokn' is no setting; did you mean token?"),
        ("[sqreen]\ntoken = x  ; mine", "line 2: token has a comment behind its value: write it"),
        ("[sqreen]\ntoken = x\t# mine", "line 2: token has a comment behind its value: write it"),
        ("[sqreen]\nrelease = ; none", "line 2: release has a comment behind its value: write it"),
        ("[sqreen]\nignore_paths = /a, # a\n /b", "line 2: ignore_paths has a comment behind"),
        ("[sqreen]\ntoken = a b", "line 2: token must be printable ASCII"),
        ("[sqreen]\nscrubber = x", "line 2: scrubber is an object of the app"),
    ],
)
def test_a_broken_file_is_one_readable_line(folder: Path, text: str, said: str) -> None:
    """What is wrong in the file stops the start with its name and the line."""
    (folder / "sqreen.ini").write_text(text)

    with pytest.raises(ConfigurationError) as raised:
        load_config(environ={})

    assert str(raised.value).startswith("sqreen.ini")
    assert said in str(raised.value)
    assert "a b" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_cant_be_read_is_named(folder: Path) -> None:
    """A named file has to be there, and to be text."""
    (folder / "latin.ini").write_bytes(b"[sqreen]\nrelease = \xe9")

    faults = {"nowhere.ini": "is no file", "x" * 300: "is no file", "latin.ini": "no UTF-8 text"}
    for name, said in faults.items():
        with pytest.raises(ConfigurationError, match=f"{name}.*{said}"):
            load_config(environ={"SQREEN_CONFIG_FILE": name})


def test_a_mark_within_a_value_is_no_comment(folder: Path) -> None:
    """What follows no space belongs to the value; lines of their own are comments."""
    (folder / "sqreen.ini").write_text(
        "[sqreen]\n# one\nrelease = 1#2;3\nstrip_sensitive_regex = order \\#\\d+\n"
        "ignore_paths = /a#b,\n  ; two\n  /c;d\n"
    )

    config = load_config(environ={})

    assert (config.release, config.strip_sensitive_regex) == ("1#2;3", r"order \#\d+")
    assert config.ignore_paths == PathPatterns(("/a#b", "/c;d"))


def test_no_file_is_looked_at_where_the_sdk_is_off(folder: Path) -> None:
    """The off switch works however broken the file is."""
    (folder / "sqreen.ini").write_text("nonsense")

    assert load_config(environ={"SQREEN_DISABLE": "1"}).disable
    assert load_config(Settings(disable=True), environ={}).disable
    with pytest.raises(ConfigurationError):
        load_config(environ={"SQREEN_DISABLE": "0"})


def test_no_value_stops_an_app_where_the_sdk_is_off() -> None:
    """The off switch works whatever else is set; what is wrong is told of."""
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
def test_an_unknown_variable_is_noted(variable: str, note: str) -> None:
    """A variable may be another program's: it is told of with the nearest name, not refused."""
    [said] = load_config(environ={variable: "x", "SQREEN_COLLECTOR_PORT": "1"}).notes

    assert said.startswith(note)


def test_what_the_original_had_is_noted_in_one_sentence(folder: Path) -> None:
    """Settings of the original that have no effect here are named together, with what holds."""
    (folder / "sqreen.ini").write_text("[sqreen]\nlog_level = DEBUG")

    [note] = load_config(environ={"SQREEN_PROXY_URL": "http://proxy.test"}).notes

    assert note == (
        "settings of the original Sqreen that have no effect here: SQREEN_PROXY_URL (its other "
        "name, SQREEN_HTTP_PROXY), log_level (set the level of the logger sqreen_mw)"
    )


def test_notes_are_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """However many middlewares an app has, each note is said once."""
    monkeypatch.setenv("SQREEN_FLUSH_INTERVALL", "1")

    assert isinstance(configure(), NullAgent)
    configure()

    assert caplog.messages == [
        "SQREEN_FLUSH_INTERVALL is no setting of sqreen_mw; did you mean SQREEN_FLUSH_INTERVAL?"
    ]


def test_a_broken_file_never_raises_into_the_app(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A call that finds a broken file is a no-op, and the log says why, once."""
    (folder / "sqreen.ini").write_text("nonsense")

    assert sqreen.track("x") is None
    assert sqreen.track("y") is None

    assert len(caplog.messages) == 1
    assert "sqreen_mw is off: sqreen.ini, line 1" in caplog.text


def test_every_setting_is_in_the_table() -> None:
    """The keywords that are typed are those of the table, and each default is what holds."""
    assert set(Settings.__annotations__) == set(SETTINGS)
    defaults = load_config(environ={})
    for name in ("environment", "disable", "flush_interval", "strict", "strip_sensitive_data"):
        setting = SETTINGS[name]
        assert setting.read(setting.default) == getattr(defaults, name)
