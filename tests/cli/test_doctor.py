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


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    """Serve a collector."""
    with run_collector(tmp_path_factory.mktemp("collector")) as process:
        yield process


@pytest.fixture(scope="module")
def right(served: CollectorProcess) -> dict[str, str]:
    """Return settings with which all is fine."""
    return served.settings("doctor")


@contextmanager
def odd_server(
    health: int, delivery: int, *, behind: timedelta | None, waits: float = 0.0
) -> Iterator[str]:
    """Serve something that answers with these statuses, and tells a time that is behind.

    It waits for so many seconds before it tells of its health, or, if they are negative, after it
    has looked at its clock.
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
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def levels(ended: Ended) -> list[tuple[str, str]]:
    """Return the subjects and levels that a report in JSON has."""
    findings = json.loads(ended.out)["findings"]
    return [(finding["subject"], finding["level"]) for finding in findings]


def set_all(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    """Set variables."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


def test_a_healthy_way_is_fine_and_leaves_nothing(
    command: Command,
    served: CollectorProcess,
    right: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a collector and its token all is fine, the exit code is 0, and no event is stored."""
    set_all(monkeypatch, right)

    ended = command("doctor", "--json")

    subjects = ["settings", "collector", "clock", "delivery"]
    assert (ended.code, ended.err) == (0, "")
    assert levels(ended) == [(subject, "fine") for subject in subjects]
    assert served.events("doctor") == []


def test_tells_each_setting_with_its_source(
    command: Command, right: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Values are shown with the variable, the line or the default that they come from."""
    set_all(monkeypatch, right)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sqreen.ini").write_text("[sqreen]\nrelease = 1.2")

    ended = command("doctor")
    told = json.loads(command("doctor", "--json").out)["settings"]

    assert right["SQREEN_TOKEN"] not in ended.out
    assert "1.2" in ended.out
    assert {row["name"]: (row["value"], row["from"]) for row in told}.items() >= {
        "url": (right["SQREEN_URL"], "SQREEN_URL"),
        "token": ("set, not shown", "SQREEN_TOKEN"),
        "release": ("1.2", "sqreen.ini, line 2"),
        "environment": ("production", "default"),
    }.items()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"SQREEN_TOKEN": "sqm_wrong"}, "check SQREEN_TOKEN: HTTP 401 a valid token is needed"),
        (
            {"SQREEN_APP_NAME": "another"},
            "check SQREEN_TOKEN: HTTP 403 the batch is of the app 'another'",
        ),
        ({"SQREEN_URL": "http://127.0.0.1:9"}, "nothing answers at http://127.0.0.1:9"),
        ({"SQREEN_URL": ""}, "every call is a no-op: set SQREEN_URL"),
        ({"SQREEN_URL": "collector"}, "url / SQREEN_URL must begin with"),
        ({"FORWARDED_ALLOW_IPS": "*"}, "FORWARDED_ALLOW_IPS=*: uvicorn then takes"),
    ],
)
def test_a_problem_is_said_with_the_setting(
    command: Command,
    right: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, str],
    said: str,
) -> None:
    """What keeps events away is named with what to change, and the exit code is 1."""
    set_all(monkeypatch, {**right, **settings})

    ended = command("doctor")

    assert ended.code == 1
    assert "problem" in ended.out
    assert said in " ".join(ended.out.split())


def test_what_is_odd_is_a_warning(
    command: Command, right: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable without effect is told of; the exit code is 0."""
    set_all(monkeypatch, {**right, "SQREEN_RELEAZE": "1"})

    ended = command("doctor", "--json")

    assert ended.code == 0
    assert levels(ended)[0] == ("settings", "warning")
    assert "did you mean SQREEN_RELEASE?" in ended.out


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"SQREEN_DISABLE": "1"}, "every call is a no-op: disable is set"),
        ({"SQREEN_URL": "console://"}, "there is none: events go to console://"),
    ],
)
def test_without_a_collector_there_is_no_trip(
    command: Command, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], said: str
) -> None:
    """Where events are to go nowhere, or not far, that is said and nothing is tried."""
    set_all(monkeypatch, settings)

    ended = command("doctor")

    assert ended.code == 0
    assert said in ended.out


@pytest.mark.parametrize(
    ("health", "delivery", "said"),
    [
        (404, 404, ["is no collector: HTTP 404 for /healthz", "check SQREEN_URL: HTTP 404"]),
        (503, 503, ["it can't write events now", "the app would try again: HTTP 503"]),
        (200, 413, ["takes no batch as small as an empty one"]),
        (200, 400, ["it refuses batches: HTTP 400"]),
    ],
)
def test_what_is_no_healthy_collector_is_told(
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    health: int,
    delivery: int,
    said: list[str],
) -> None:
    """Whatever answers in the collector's place, the problem is told by what it says."""
    with odd_server(health, delivery, behind=None) as url:
        set_all(monkeypatch, {"SQREEN_URL": url, "SQREEN_TOKEN": "t"})
        ended = command("doctor")

    assert ended.code == 1
    assert all(each in " ".join(ended.out.split()) for each in said)
    assert "clock" not in ended.out


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(3600, "s ahead of the collector"), (-3600, "s behind the collector"), (0, "agree")],
)
def test_clocks_are_compared(
    command: Command, monkeypatch: pytest.MonkeyPatch, seconds: int, said: str
) -> None:
    """A clock that is far from the collector's is told of, with how far."""
    with odd_server(200, 400, behind=timedelta(seconds=seconds)) as url:
        set_all(monkeypatch, {"SQREEN_URL": url, "SQREEN_TOKEN": "t"})
        ended = command("doctor")

    assert said in " ".join(ended.out.split())


@pytest.mark.parametrize("waits", [7.0, -7.0])
def test_a_slow_answer_puts_no_clock_back(
    command: Command, monkeypatch: pytest.MonkeyPatch, waits: float
) -> None:
    """Whenever the collector looked at its clock while it was asked, the clocks may agree."""
    with odd_server(200, 400, behind=timedelta(0), waits=waits) as url:
        set_all(monkeypatch, {"SQREEN_URL": url, "SQREEN_TOKEN": "t"})
        ended = command("doctor")

    assert "the collector's agree" in " ".join(ended.out.split())


@pytest.mark.parametrize(
    ("server", "level"),
    [
        ("uvicorn app:app --host 0.0.0.0", "fine"),
        ("uvicorn app:app --lifespan on", "fine"),
        ("/venv/bin/uvicorn app:app --forwarded-allow-ips '*'", "problem"),
        ("granian --interface wsgi app:app", "fine"),
        ("granian --interface asgi app:app", "fine"),
        ("uvicorn app:app --lifespan off --reload", "fine"),
        ("waitress-serve app:app", "fine"),
        ("gunicorn app:app", "fine"),
    ],
)
def test_knows_what_servers_do(command: Command, server: str, level: str) -> None:
    """Flags that harm events are known by server, spelled with a space or an equals sign."""
    assert ("server", level) in levels(command("doctor", "--json", "--server", server))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--server", "uvicorn 'app"),
        ("--nonsense",),
        ("ip",),
        ("ip", "--peer", "10.0.0.1", "--header", "nonsense"),
        ("ip", "--peer", "10.0.0.1", "--trusted-proxies", "nonsense"),
    ],
)
def test_wrong_usage_ends_with_2(command: Command, arguments: tuple[str, ...]) -> None:
    """What can't be understood is said on stderr, with exit code 2."""
    ended = command("doctor", *arguments)

    assert (ended.code, ended.out) == (2, "")
    assert ended.err


def test_a_default_is_shown_without_marks(command: Command) -> None:
    """What is code in the docs has no backticks in the terminal."""
    told = json.loads(command("doctor", "--json").out)["settings"]

    assert [row["value"] for row in told if "`" in row["value"]] == []


def test_settings_are_listed(command: Command) -> None:
    """Every setting is listed for a person, and as Markdown for the docs."""
    assert "SQREEN_TRUSTED_PROXIES" in command("doctor", "settings").out
    assert command("doctor", "settings", "--markdown").out.startswith("| Keyword | Variable |")


def test_the_doctor_goes_the_way_of_the_app(
    command: Command, right: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy of the settings is gone through and named, and its password is shown nowhere."""
    via = "http://jane:s3same@127.0.0.1:1"
    set_all(monkeypatch, {**right, "SQREEN_HTTP_PROXY": via})

    ended = command("doctor", "--json")

    assert "nothing listens at 127.0.0.1:1, check SQREEN_HTTP_PROXY" in ended.out
    assert "s3same" not in ended.out


def test_certificates_that_are_gone_are_a_problem(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The doctor tells of them as of any other reason why the collector is not reached."""
    set_all(monkeypatch, {"SQREEN_URL": "https://localhost:1", "SQREEN_TOKEN": "sqm_1_abc"})
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))

    ended = command("doctor", "--json")

    assert ended.code == 1
    assert "certificates can't be read, check SQREEN_CA_FILE" in ended.out
