"""A collector for the dashboard's tests, with real stores."""

import asyncio
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import create_server
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from sqreen_mw.cli.h11_timeouts import TimedH11Protocol
from sqreen_mw.collector.app import create_app
from sqreen_mw.collector.auth import SESSION_COOKIE
from sqreen_mw.collector.clock import system_clock
from sqreen_mw.collector.events.base import AcceptedBatch
from sqreen_mw.collector.services import Services, open_services
from sqreen_mw.collector.settings import Settings
from sqreen_mw.collector.state.users import Role
from sqreen_mw.protocol.event import Event, RequestInfo
from sqreen_mw.protocol.event_id import new_event_id
from sqreen_mw.protocol.heartbeat import Heartbeat, Queue

PASSWORD = "correct horse battery staple"


def make_event(
    name: str = "coupon.applied", *, ago: int = 0, ip: str | None = None, **more: Any
) -> Event:
    """Return an event that is ``ago`` milliseconds old."""
    now = system_clock() - ago
    if ip is not None:
        more["request"] = RequestInfo(verb="POST", path="/coupons/SPRING", ip=ip)
    return Event(id=new_event_id(now), name=name, timestamp=now, **more)


@dataclass(frozen=True)
class RunningCollector:
    """A collector's application and services."""

    app: FastAPI
    services: Services

    def store(
        self,
        *events: Event,
        app: str = "shop",
        env: str = "production",
        imported: bool = False,
    ) -> None:
        """Store events and announce them, as the pipeline does."""
        self.services.state.apps.ensure(app)
        self.services.state.apps.add_environment(app, env)
        batch = AcceptedBatch(
            app=app,
            env=env,
            release=None,
            received_at=system_clock(),
            imported=imported,
            events=events,
        )
        self.services.tail.announce(self.services.events.append(batch).seq)

    def session(self, role: Role = "admin") -> str:
        """Return the cookie of a user with a role."""
        users = self.services.state.users
        user = users.by_name(role) or users.create(role, password=None, role=role)
        return self.services.state.sessions.open(user)

    def client(self, role: Role | None = "admin") -> TestClient:
        """Return a client, logged in if a role is given."""
        client = TestClient(self.app, follow_redirects=False)
        if role is not None:
            client.cookies.set(SESSION_COOKIE, self.session(role))
        return client


def send_heartbeat(
    collector: RunningCollector, *, app: str = "shop", ago: int = 0, skew: int = 0, **members: Any
) -> None:
    """Record a heartbeat that is ``ago`` milliseconds old."""
    collector.services.state.apps.ensure(app)
    at = system_clock() - ago
    counts = {name: members.pop(name, 0) for name in ("delivered", "waiting")}
    spooled = members.pop("spooled", 0)
    dropped = members.pop("dropped", {})
    tracked = sum(counts.values()) + sum(dropped.values())
    queue = Queue(tracked=tracked, dropped=dropped, spooled=spooled, **counts)
    identity: dict[str, Any] = {
        "instance_id": "one",
        "sdk": "sqreen-mw/1",
        "host": "web-1",
        "pid": 7,
        "env": "prod",
        "started_at": at - 60_000,
    }
    heartbeat = Heartbeat(sent_at=at - skew, queue=queue, **(identity | members))
    collector.services.state.instances.record(app, heartbeat, received_at=at)


@contextmanager
def running_collector(folder: Path, **given: Any) -> Iterator[RunningCollector]:
    """Open a collector in a folder."""
    settings = Settings(data_dir=folder / "data", **given)
    services = open_services(settings)
    app = create_app(settings, services=services)
    app.state.services = services
    try:
        yield RunningCollector(app, services)
    finally:
        services.close()


@contextmanager
def served(app: ASGIApp, *, http: type[asyncio.Protocol] = TimedH11Protocol) -> Iterator[str]:
    """Serve an application on a free port and return its URL."""
    with create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            app,
            http=http,
            lifespan="off",
            log_level="critical",
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server does not start"
                time.sleep(0.005)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def token_on(text: str) -> str:
    """Return the CSRF token of the forms on a page."""
    found = re.search(r'name="csrf" value="([^"]+)"', text)
    assert found is not None
    return found[1]
