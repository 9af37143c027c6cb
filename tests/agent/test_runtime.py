import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

import sqreen_mw as sqreen
from sqreen_mw.agent.agent import Agent, batch_header
from sqreen_mw.agent.config.config import Settings
from sqreen_mw.agent.null import NullAgent
from sqreen_mw.agent.requests.asgi import asgi_request
from sqreen_mw.agent.runtime import configure, current_agent
from sqreen_mw.errors import ConfigurationError
from sqreen_mw.protocol.event import Event


def test_first_call_reads_the_environment(memory: list[Event]) -> None:
    """SQREEN_ variables are enough without a middleware."""
    event_id = sqreen.track("report.sent", properties={"rows": 3})

    assert sqreen.flush()
    assert [(event.id, event.name, event.request) for event in memory] == [
        (event_id, "report.sent", None)
    ]
    stats = sqreen.stats()
    assert (stats.tracked, stats.delivered, stats.waiting) == (1, 1, 0)


def test_unconfigured_every_call_is_a_no_op() -> None:
    """Without settings the calls do nothing."""
    assert sqreen.track("x") is None
    assert sqreen.track(42) is None  # type: ignore[arg-type]  # that is the point
    assert sqreen.flush(0.0)
    assert sqreen.stats().tracked == 0
    assert sqreen.close(0.0) == 0


def test_disabled_every_call_is_a_no_op(
    memory: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQREEN_DISABLE wins over a URL."""
    monkeypatch.setenv("SQREEN_DISABLE", "1")

    assert sqreen.track("x") is None
    assert sqreen.flush()
    assert memory == []


def test_wrong_variable_is_logged_and_does_not_raise(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The error is logged once."""
    monkeypatch.setenv("SQREEN_URL", "collector:7070")

    assert sqreen.track("x") is None
    assert sqreen.track("y") is None

    assert len(caplog.messages) == 1
    assert "sqreen_mw is off: url / SQREEN_URL must begin with" in caplog.text


def test_wrong_keyword_stops_the_start() -> None:
    """A middleware checks its keywords when it is created."""
    with pytest.raises(ConfigurationError, match="SQREEN_FLUSH_INTERVAL"):
        configure(Settings(flush_interval=-1))


def test_unsafe_spool_stops_the_start(tmp_path: Path) -> None:
    """A directory that other users can write to is rejected."""
    tmp_path.chmod(0o777)
    with pytest.raises(ConfigurationError, match="SQREEN_SPOOL_DIR is not safe"):
        configure(Settings(url="memory://test", spool_dir=tmp_path))


def test_one_agent_serves_the_process(
    memory: list[Event], caplog: pytest.LogCaptureFixture
) -> None:
    """A second configuration is ignored, and logged if it differs."""
    agent = configure()

    assert isinstance(agent, Agent)
    assert configure() is agent
    assert not caplog.messages
    assert configure(Settings(url="memory://elsewhere", environment="test")) is agent
    assert "different settings are ignored: url, environment" in caplog.text
    assert memory == []


def test_middleware_replaces_an_unconfigured_agent() -> None:
    """A call may come before the middleware."""
    assert sqreen.track("early") is None
    assert isinstance(current_agent(), NullAgent)

    assert isinstance(configure(Settings(url="memory://later")), Agent)
    assert sqreen.track("late")


def test_closed_agent_stays_closed(memory: list[Event]) -> None:
    """Later events are dropped and counted, until a middleware is created."""
    sqreen.track("a")
    assert sqreen.close() == 0
    assert sqreen.track("b") is None
    assert sqreen.close() == 0
    assert sqreen.stats().dropped == {"closed": 1}

    configure(Settings(url="memory://test"))
    assert sqreen.track("c")
    assert sqreen.flush()
    assert [event.name for event in memory] == ["a", "c"]


def test_batch_header_describes_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each batch contains app, environment and release."""
    for name, value in {"APP_NAME": "shop", "ENVIRONMENT": "test", "RELEASE": "7"}.items():
        monkeypatch.setenv(f"SQREEN_{name}", value)
    agent = configure(Settings(url="memory://header"))

    assert isinstance(agent, Agent)
    header = batch_header(agent.config)
    assert (header.app, header.env, header.release) == ("shop", "test", "7")
    assert header.sdk == f"sqreen-mw/{sqreen.__version__}"


def test_undelivered_events_at_exit_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """One line contains their number."""
    configure(Settings(url="http://127.0.0.1:9", token="t"))
    sqreen.track("x")

    assert sqreen.close(timeout=0.2) == 1
    assert caplog.messages[-1] == "1 events were not delivered before the exit, they are lost"
    assert sqreen.stats().dropped == {"exit": 1}


def test_wrong_call_in_a_view_is_logged_once(
    memory: list[Event], caplog: pytest.LogCaptureFixture
) -> None:
    """``track(42)`` does not change the view's response."""
    app = FastAPI()
    app.add_middleware(sqreen.SqreenMiddleware)

    @app.get("/")
    def view() -> str:
        assert sqreen.track(42) is None  # type: ignore[arg-type]  # that is the point
        return "fine"

    client = TestClient(app)
    assert [client.get("/").json() for _ in range(3)] == ["fine"] * 3
    assert sqreen.flush()
    assert memory == []
    assert caplog.messages == ["track() needs a str as the event's name, not int"]


def test_events_after_our_exit_handler_are_rejected() -> None:
    """A later exit handler gets None, because the event will not be delivered."""
    code = (
        "import atexit; early = lambda: print(sqreen.track('late'), sqreen.stats().dropped); "
        "atexit.register(early); import sqreen_mw as sqreen; sqreen.track('x')"
    )

    assert python(code, SQREEN_URL="memory://") == "None {'closed': 1}"


def test_exit_handlers_of_the_app_can_track(tmp_path: Path) -> None:
    """Events of an exit handler are delivered."""
    code = (
        "import atexit; import sqreen_mw as sqreen; "
        "atexit.register(lambda: sqreen.track('last')); sqreen.track('first')"
    )
    events = tmp_path / "events.jsonl"
    python(code, SQREEN_URL=f"file://{events}")

    assert len(events.read_text().splitlines()) == 2


def test_import_error_does_not_reach_the_app() -> None:
    """If the rest of the package cannot be imported, calls do nothing and this is logged."""
    code = (
        "import sys; import sqreen_mw as sqreen; "
        "sys.modules['sqreen_mw.agent.runtime'] = None; print(sqreen.track('x'), sqreen.flush())"
    )

    assert python(code) == "None True"


def python(code: str, **settings: str) -> Any:
    """Run code in a new interpreter and return its output."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, **settings},
    )
    return done.stdout.strip()


def test_importing_loads_no_framework() -> None:
    """``import sqreen_mw`` imports no framework, database, HTTP client or scrubber."""
    code = (
        "import sys; before = set(sys.modules); import sqreen_mw; print(*set(sys.modules) - before)"
    )

    modules = set(python(code).split())
    loaded = {name.partition(".")[0] for name in modules}

    assert "sqreen_mw.agent.api" in modules
    assert not modules & {"sqreen_mw.agent.runtime", "sqreen_mw.scrubbing", "asyncio"}
    heavy = {"starlette", "werkzeug", "flask", "fastapi", "jinja2", "sqlalchemy", "sqlite3"}
    assert not loaded & {*heavy, "httpx2", "pydantic"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "stranger"), [("SqreenMiddleware", "werkzeug"), ("SqreenWSGIMiddleware", "starlette")]
)
def test_each_middleware_imports_only_its_side(name: str, stranger: str) -> None:
    """The WSGI side never imports the ASGI side, and vice versa."""
    code = f"import sys; from sqreen_mw import {name}; print(*sys.modules)"

    loaded = python(code).split()

    assert stranger not in loaded
    assert len({f"sqreen_mw.middleware.{side}" for side in ("asgi", "wsgi")} & {*loaded}) == 1


def test_public_names_are_sorted_and_exist() -> None:
    """Unknown attributes raise AttributeError."""
    assert sqreen.__all__ == sorted(sqreen.__all__)
    assert all(getattr(sqreen, name) for name in sqreen.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = sqreen.Nonsense


def test_calls_accept_keywords(memory: list[Event]) -> None:
    """Positional arguments can be keywords, in the module and on a request."""
    context = asgi_request({"type": "http"}, configure(), frozenset())
    for calls in (sqreen, context):
        calls.track(name="a", options={"properties": {"n": 1}})
        calls.auth_track(success=True, email="b")
        calls.signup_track(user_identifiers={"email": "c"})
        calls.identify(email="d")
    context.track("e")

    assert sqreen.flush()
    users = [event.user_identifiers.get("email") for event in memory]
    assert users == [None, "b", "c", "b", "b", "c", "d"]


def test_calls_without_arguments_are_logged(
    memory: list[Event], caplog: pytest.LogCaptureFixture
) -> None:
    """The log line contains the fix, and there is no event."""
    assert sqreen.track() is None
    assert sqreen.auth_track(email="a") is None
    sqreen.identify()

    assert sqreen.flush()
    assert memory == []
    assert [line.split(" ")[0] for line in caplog.messages] == [
        "track()",
        "auth_track()",
        "identify()",
    ]
