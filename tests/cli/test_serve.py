import json
import re
import shlex
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.cli.conftest import Command
from tests.collector.api.wire import wire_event
from tests.support.collector_process import run_collector
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.slow

SIGN_IN = "sqreen_mw.collector.sign_in:"


@pytest.fixture
def taken_port() -> Iterator[int]:
    """Return a port that is in use."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--host", "0.0.0.0"), "first run sqreen-mw users create"),
        (("--events-url", "redis://x"), "'redis'"),
        (("--state-url", "postgres://x"), "'postgres'"),
        (("--data-dir", "/proc/nowhere"), "/proc/nowhere"),
        (("--tls-cert", "/nowhere", "--tls-key", "/nowhere"), "/nowhere does not exist"),
        (("--tls-cert", __file__, "--tls-key", __file__), "not a certificate and its key"),
        (("--port", "70000"), "0 to 65535"),
        (("--host", ""), "host is empty"),
        (("--data-dir", ""), "data dir is empty"),
        (("--public-url", "example.com"), "such as https://"),
        (("--trusted-proxies", "10.0.0.0/99"), "use networks such as 10.0.0.0/8, or private"),
        (("--log-level", "loud"), "use one of debug, info, warning"),
        (("--log-format", "xml"), "use one of text, json"),
    ],
)
def test_wrong_setting_is_one_line(
    command: Command, arguments: tuple[str, ...], message: str
) -> None:
    """A collector that can't start prints one line on stderr and exits with 2."""
    ended = command("serve", "--port", "0", *arguments)

    assert ended.code == 2
    assert message in ended.err
    assert ended.err.count("\n") == 1
    assert ended.out == ""


@pytest.mark.parametrize("with_state", [False, True])
def test_suggested_command_creates_the_first_user(
    command: Command, tmp_path: Path, *, with_state: bool
) -> None:
    """The command that a refused start suggests makes the next start succeed."""
    location = ["--data-dir", str(tmp_path / "my data")]
    if with_state:
        location += ["--state-url", f"sqlite:///{tmp_path}/state.db"]
    options = ("--host", "0.0.0.0", "--port", "0", *location)

    refused = command("serve", *options)
    advice = shlex.split(re.findall(r"first run (sqreen-mw .*)", refused.err)[0])
    made = command(*advice[1:], stdin="correct horse")

    assert made.code == 0
    assert advice[3] == "NAME"
    with run_collector(tmp_path / "my data", *options[:2], *location[2:]) as server:
        assert server.login is None


def test_unknown_variable_is_one_line(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A SQREEN_COLLECTOR_ variable with a typo stops the start."""
    monkeypatch.setenv("SQREEN_COLLECTOR_PROT", "1")

    ended = command("serve")

    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "did you mean SQREEN_COLLECTOR_PORT?" in ended.err


def test_taken_port_names_the_setting(command: Command, taken_port: int) -> None:
    """The message names the option and the variable that choose another port."""
    ended = command("serve", "--port", str(taken_port))

    assert ended.code == 2
    assert f"port {taken_port} is taken" in ended.err
    assert "--port or SQREEN_COLLECTOR_PORT" in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--host", "0.0.0.0"),
        ("--tls-cert", __file__, "--tls-key", __file__),
        ("--events-url", "redis://x"),
    ],
)
def test_failed_start_keeps_the_first_token(
    command: Command, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """The first start that succeeds shows the first token."""
    refused = command("serve", "--port", "0", "--data-dir", str(tmp_path), *arguments)

    with run_collector(tmp_path) as server:
        assert server.first_token is not None
    assert refused.code == 2


def test_taken_port_keeps_the_first_token(
    command: Command, tmp_path: Path, taken_port: int
) -> None:
    """A start that fails because of its port does not use up the first token."""
    command("serve", "--port", str(taken_port), "--data-dir", str(tmp_path))

    with run_collector(tmp_path) as server:
        assert server.first_token is not None


def test_foreign_host_names_the_setting(command: Command) -> None:
    """An address of another machine is refused with the setting."""
    command("users", "create", "ann", "--password-stdin", stdin="correct horse")

    ended = command("serve", "--host", "192.0.2.1", "--port", "0")

    assert ended.code == 2
    assert "can't listen on 192.0.2.1" in ended.err


@pytest.mark.smoke
def test_first_start_prints_a_login_link_and_a_token(tmp_path: Path) -> None:
    """The link logs in once, and an app can send events with the token."""
    with run_collector(tmp_path) as server:
        sent = httpx2.post(
            f"{server.url}/v1/events",
            json={"events": [wire_event()]},
            headers={"authorization": f"Bearer {server.first_token}"},
            timeout=PATIENCE,
        )
        with httpx2.Client(base_url=server.url, timeout=PATIENCE) as client:
            assert server.login is not None
            logged_in = client.post(server.login)
            found = client.get("/v1/events/query").json()["events"]
            again = httpx2.post(server.login, timeout=PATIENCE)
    with run_collector(tmp_path) as second:
        assert second.first_token is None
        assert second.login is not None

    assert sent.status_code == 202
    assert logged_in.has_redirect_location
    assert [stored["app"] for stored in found] == ["default"]
    assert not again.has_redirect_location


def test_no_login_link_after_a_password_is_set(command: Command, tmp_path: Path) -> None:
    """If a user has a password, the start prints no sign-in link."""
    data_dir = tmp_path / "data"
    command(
        *("users", "create", "ann", "--password-stdin", "--data-dir", str(data_dir)),
        stdin="correct horse",
    )

    with run_collector(data_dir) as server:
        assert server.login is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stops_cleanly_with_a_live_tail(tmp_path: Path, number: signal.Signals) -> None:
    """A signal stops the collector with exit code 0 and no warning, despite an open stream."""
    with (
        run_collector(tmp_path) as server,
        httpx2.Client(base_url=server.url, timeout=PATIENCE) as client,
    ):
        assert server.login is not None
        client.post(server.login)
        with client.stream("GET", "/events/live") as stream:
            assert stream.status_code == 200
            started = time.monotonic()
            server.process.send_signal(number)
            _, err = server.process.communicate(timeout=PATIENCE)

    assert time.monotonic() - started < 30
    assert server.process.returncode == 0
    assert [line.split(" ")[1:3] for line in err.splitlines()] == [["INFO", SIGN_IN]]


def test_forwarding_headers_of_clients_are_ignored(tmp_path: Path) -> None:
    """A client can't choose its scheme with X-Forwarded-Proto."""
    with run_collector(tmp_path) as server:
        assert server.login is not None
        answer = httpx2.post(
            server.login,
            headers={"x-forwarded-proto": "https", "x-forwarded-for": "192.0.2.1"},
            timeout=PATIENCE,
        )

    assert "secure" not in answer.headers["set-cookie"].lower()
    assert "httponly" in answer.headers["set-cookie"].lower()


def test_public_url_is_used_for_the_banner_and_the_link(tmp_path: Path) -> None:
    """With a public URL, the printed URL and the sign-in link are the proxy's."""
    public = "https://sqreen.example.com/security"

    with run_collector(
        tmp_path, "--public-url", f"{public}/", "--root-path", "/security"
    ) as server:
        assert server.url == public
        assert server.login is not None
        assert server.login.startswith(f"{public}/login/once?token=")


def test_serves_https(tmp_path: Path) -> None:
    """With a certificate and its key, the collector answers on https and sets secure cookies."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "1", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.create_default_context(cafile=str(cert))

    with run_collector(tmp_path, "--tls-cert", str(cert), "--tls-key", str(key)) as server:
        assert server.url.startswith("https://127.0.0.1:")
        assert server.login is not None
        answer = httpx2.post(server.login, verify=context, timeout=PATIENCE)

    assert "secure" in answer.headers["set-cookie"].lower()


def test_banner_shows_the_link_and_the_variables(tmp_path: Path) -> None:
    """Without --json, the output contains the URL, the link and the variables to set."""
    command = [sys.executable, "-m", "sqreen_mw", "serve", "--port", "0"]
    with subprocess.Popen(
        [*command, "--data-dir", str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or "Stop" not in lines[-1]:
            lines.append(process.stdout.readline())
            assert lines[-1], "the command ended before it was ready"
        process.terminate()
        process.communicate(timeout=PATIENCE)

    text = "".join(lines)
    assert "Listening  http://127.0.0.1:" in text
    assert "/login/once?token=" in text
    assert "SQREEN_URL=http://127.0.0.1:" in text
    assert "SQREEN_TOKEN=sqm_" in text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stop_is_reported(tmp_path: Path, number: signal.Signals) -> None:
    """The last line for a person reports the stop."""
    with subprocess.Popen(
        [sys.executable, "-m", "sqreen_mw", "serve", "--port", "0", "--data-dir", str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        while "Ctrl+C" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(number)
        rest = process.stdout.read()

    assert rest.splitlines()[-1] == "The collector has stopped."
    assert process.returncode == 0


def test_log_level_and_format(tmp_path: Path) -> None:
    """With --log-format json each line is an object; --log-level hides the lines below."""
    errors: list[list[str]] = []
    for level in ("INFO", "warning"):
        options = ("--log-format", "json", "--log-level", level)
        with run_collector(tmp_path, *options) as server:
            assert server.login is not None
            httpx2.post(server.login, timeout=PATIENCE)
            for _ in range(3):
                wrong = {"authorization": "Bearer sqm_0123456789abcdef_x"}
                httpx2.post(f"{server.url}/v1/events", headers=wrong, timeout=PATIENCE)
            server.process.terminate()
            errors.append(server.process.communicate(timeout=PATIENCE)[1].splitlines())

    loggers = [
        [json.loads(line)["logger"].rpartition(".")[2] for line in lines] for lines in errors
    ]
    assert loggers == [["sign_in", "tokens"], ["tokens"]]
    line = json.loads(errors[1][0])
    assert set(line) == {"time", "level", "logger", "message"}
    assert "0123456789abcdef" in line["message"]
