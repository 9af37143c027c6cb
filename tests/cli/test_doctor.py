import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.cli.conftest import Command, Ended
from tests.support.collector_process import CollectorProcess, run_collector

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    """Run a collector."""
    with run_collector(tmp_path_factory.mktemp("collector")) as process:
        yield process


@pytest.fixture(scope="module")
def valid(served: CollectorProcess) -> dict[str, str]:
    """Return valid settings for the collector."""
    return served.settings("doctor")


@contextmanager
def odd_server(
    health: int, delivery: int, *, behind: timedelta | None, waits: float = 0.0
) -> Iterator[str]:
    """Run a server that answers with these statuses and a clock that is behind.

    A positive ``waits`` is a pause before the clock is read, a negative one a pause afterwards.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            time.sleep(max(waits, 0.0))
            self.send_response_only(health)
            if behind is not None:
                self.send_header("Date", format_datetime(datetime.now(UTC) - behind))
            time.sleep(max(-waits, 0.0))
            self.end_headers()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response_only(delivery)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def levels(ended: Ended) -> list[tuple[str, str]]:
    """Return the subjects and levels of a JSON report."""
    findings = json.loads(ended.out)["findings"]
    return [(finding["subject"], finding["level"]) for finding in findings]


def set_all(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    """Set environment variables."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


@pytest.mark.slow
def test_healthy_setup_is_fine_and_stores_nothing(
    command: Command,
    served: CollectorProcess,
    valid: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a collector and its token, all findings are fine and no event is stored."""
    set_all(monkeypatch, valid)

    ended = command("doctor", "--json")

    subjects = ["settings", "collector", "clock", "delivery"]
    assert (ended.code, ended.err) == (0, "")
    assert levels(ended) == [(subject, "ok") for subject in subjects]
    assert served.events("doctor") == []


@pytest.mark.slow
def test_organization_token_is_fit_for_a_first_setup_only(
    command: Command,
    served: CollectorProcess,
    valid: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The doctor suggests a token for the app."""
    assert served.first_token is not None
    set_all(monkeypatch, valid | {"SQREEN_TOKEN": served.first_token, "SQREEN_APP_NAME": "shop"})

    ended = command("doctor")

    assert ended.code == 0
    assert "sqreen-mw tokens create APP" in " ".join(ended.out.split())


@pytest.mark.slow
def test_settings_are_shown_with_their_source(
    command: Command, valid: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each value is shown with its variable, line of the file or default."""
    set_all(monkeypatch, valid)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sqreen.ini").write_text("[sqreen]\nrelease = 1.2")

    ended = command("doctor")
    rows = json.loads(command("doctor", "--json").out)["settings"]

    assert valid["SQREEN_TOKEN"] not in ended.out
    assert "1.2" in ended.out
    assert "spool_dir" not in ended.out
    assert "spool_dir" in command("doctor", "--all").out
    assert {row["name"]: (row["value"], row["from"]) for row in rows}.items() >= {
        "url": (valid["SQREEN_URL"], "SQREEN_URL"),
        "token": ("set, not shown", "SQREEN_TOKEN"),
        "release": ("1.2", "sqreen.ini, line 2"),
        "environment": ("production", "default"),
    }.items()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"SQREEN_TOKEN": "sqm_wrong"}, "check SQREEN_TOKEN: HTTP 401 a valid token is required"),
        (
            {"SQREEN_APP_NAME": "another"},
            "check SQREEN_TOKEN: HTTP 403 the request is for the app 'another'",
        ),
        ({"SQREEN_URL": "http://127.0.0.1:9"}, "no answer from http://127.0.0.1:9"),
        ({"SQREEN_URL": ""}, "every call is a no-op: set SQREEN_URL"),
        ({"SQREEN_URL": "collector"}, "url / SQREEN_URL must begin with"),
        ({"FORWARDED_ALLOW_IPS": "*"}, "FORWARDED_ALLOW_IPS=*: uvicorn then takes"),
    ],
)
def test_problem_names_the_setting(
    command: Command,
    valid: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, str],
    expected: str,
) -> None:
    """A finding that keeps events away names the fix, and the exit code is 1."""
    set_all(monkeypatch, {**valid, **settings})

    ended = command("doctor")

    assert ended.code == 1
    assert "problem" in ended.out
    assert expected in " ".join(ended.out.split())


def test_unknown_variable_is_a_warning(
    command: Command, valid: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable with a typo is a warning, and the exit code is 0."""
    set_all(monkeypatch, {**valid, "SQREEN_RELEAZE": "1"})

    ended = command("doctor", "--json")

    assert ended.code == 0
    assert levels(ended)[0] == ("settings", "warning")
    assert "did you mean SQREEN_RELEASE?" in ended.out


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"SQREEN_DISABLE": "1"}, "every call is a no-op: disable is set"),
        ({"SQREEN_URL": "console://"}, "no collector is used: events go to console://"),
    ],
)
def test_connection_is_not_checked_without_a_collector(
    command: Command, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], expected: str
) -> None:
    """If no collector is configured, the finding names the destination and nothing is sent."""
    set_all(monkeypatch, settings)

    ended = command("doctor")

    assert ended.code == 0
    assert expected in ended.out


@pytest.mark.parametrize(
    ("health", "delivery", "expected"),
    [
        (404, 404, ["is not a collector: HTTP 404 for /healthz", "check SQREEN_URL: HTTP 404"]),
        (503, 503, ["it can't store events now", "the app would retry: HTTP 503"]),
        (200, 413, ["rejects even an empty batch as too large"]),
        (200, 400, ["it rejects batches: HTTP 400"]),
    ],
)
def test_faulty_collector_is_a_problem(
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    health: int,
    delivery: int,
    expected: list[str],
) -> None:
    """The finding explains each kind of wrong answer."""
    with odd_server(health, delivery, behind=None) as url:
        set_all(monkeypatch, {"SQREEN_URL": url, "SQREEN_TOKEN": "t"})
        ended = command("doctor")

    assert ended.code == 1
    assert all(each in " ".join(ended.out.split()) for each in expected)
    assert "clock" not in ended.out


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(3600, "s ahead of the collector"), (-3600, "s behind the collector"), (0, "agree")],
)
def test_clocks_are_compared(
    command: Command, monkeypatch: pytest.MonkeyPatch, seconds: int, expected: str
) -> None:
    """A clock that differs from the collector's is reported with the difference."""
    with odd_server(200, 400, behind=timedelta(seconds=seconds)) as url:
        set_all(monkeypatch, {"SQREEN_URL": url, "SQREEN_TOKEN": "t"})
        ended = command("doctor")

    assert expected in " ".join(ended.out.split())


@pytest.mark.slow
@pytest.mark.parametrize("waits", [7.0, -7.0])
def test_slow_answer_is_not_taken_for_a_wrong_clock(
    command: Command, monkeypatch: pytest.MonkeyPatch, waits: float
) -> None:
    """The collector may have read its clock at any time of a slow request."""
    with odd_server(200, 400, behind=timedelta(0), waits=waits) as url:
        set_all(monkeypatch, {"SQREEN_URL": url, "SQREEN_TOKEN": "t"})
        ended = command("doctor")

    assert "this machine and the collector agree" in " ".join(ended.out.split())


@pytest.mark.parametrize(
    ("server", "level"),
    [
        ("uvicorn app:app --host 0.0.0.0", "ok"),
        ("uvicorn app:app --lifespan on", "ok"),
        ("/venv/bin/uvicorn app:app --forwarded-allow-ips '*'", "problem"),
        ("granian --interface wsgi app:app", "warning"),
        ("granian --interface asgi app:app", "ok"),
        ("uvicorn app:app --lifespan off --reload", "ok"),
        ("waitress-serve app:app", "ok"),
        ("gunicorn app:app", "ok"),
    ],
)
def test_server_flags_are_checked(command: Command, server: str, level: str) -> None:
    """Harmful flags are found with a space or an equals sign."""
    assert ("server", level) in levels(command("doctor", "--json", "--server", server))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--server", "uvicorn 'app"),
        ("--nonsense",),
        ("ip",),
        ("ip", "--peer", "foo"),
        ("ip", "--peer", "10.0.0.1", "--header", "nonsense"),
        ("ip", "--peer", "10.0.0.1", "--trusted-proxies", "nonsense"),
    ],
)
def test_wrong_usage_exits_with_2(command: Command, arguments: tuple[str, ...]) -> None:
    """Wrong arguments are reported on stderr, with exit code 2."""
    ended = command("doctor", *arguments)

    assert (ended.code, ended.out) == (2, "")
    assert ended.err


def test_verdict_comes_first(
    command: Command, valid: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first line counts the problems and warnings, and the worst finding follows."""
    set_all(monkeypatch, valid | {"SQREEN_TOKEN": "sqm_wrong", "SQREEN_RELEAZE": "1"})

    lines = [line.split() for line in command("doctor").out.splitlines() if line]

    assert lines[0] == ["1", "problem", "and", "1", "warning"]
    assert [line[0] for line in lines[1:3]] == ["problem", "warning"]


def test_long_details_are_wrapped_under_their_column(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A narrow terminal shows every word, aligned, and no line is wider."""
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("SQREEN_URL", "collector")

    lines = command("doctor").out.splitlines()

    assert max(map(len, lines)) <= 60
    assert any(line.startswith(" " * 20) for line in lines)


def test_defaults_are_shown_without_backticks(command: Command) -> None:
    """The backticks of the docs are not shown in the terminal."""
    rows = json.loads(command("doctor", "--json").out)["settings"]

    assert [row["value"] for row in rows if "`" in row["value"]] == []


@pytest.mark.slow
def test_settings_are_listed(command: Command) -> None:
    """``doctor settings`` lists all settings, as text and as Markdown."""
    assert "SQREEN_TRUSTED_PROXIES" in command("doctor", "settings").out
    assert command("doctor", "settings", "--markdown").out.startswith("| Keyword | Variable |")


@pytest.mark.slow
def test_doctor_uses_the_configured_proxy(
    command: Command, valid: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy is used and named, and its password is never shown."""
    via = "http://jane:s3same@127.0.0.1:1"
    set_all(monkeypatch, {**valid, "SQREEN_HTTP_PROXY": via})

    ended = command("doctor", "--json")

    assert "nothing listens at 127.0.0.1:1, check SQREEN_HTTP_PROXY" in ended.out
    assert "s3same" not in ended.out


@pytest.mark.slow
def test_missing_certificates_are_a_problem(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A missing CA file is reported with its setting."""
    set_all(monkeypatch, {"SQREEN_URL": "https://localhost:1", "SQREEN_TOKEN": "sqm_1_abc"})
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))

    ended = command("doctor", "--json")

    assert ended.code == 1
    assert "certificates can't be read, check SQREEN_CA_FILE" in ended.out
