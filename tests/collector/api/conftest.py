from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from sqreen_mw.collector.app import create_app
from sqreen_mw.collector.services import Services
from sqreen_mw.collector.settings import Settings
from sqreen_mw.collector.state.tokens import AGENT_SCOPES

Headers = dict[str, str]


@dataclass(frozen=True)
class Collector:
    """A collector in this process, with one app and its tokens."""

    client: TestClient
    services: Services
    agent: Headers
    reader: Headers

    def send(self, *events: dict[str, Any], **envelope: Any) -> Any:
        """Send a batch with the agent's token and return the answer's JSON."""
        batch = {"events": events, **envelope}
        answer = self.client.post("/v1/events", json=batch, headers=self.agent)
        assert answer.status_code == 202, answer.text
        return answer.json()

    def headers(self, *scopes: str, app: str = "default") -> Headers:
        """Return the headers of a new token."""
        state = self.services.state
        state.apps.ensure(app)
        return bearer(state.tokens.issue(app, name="test", scopes=frozenset(scopes)).secret)


def bearer(secret: str) -> Headers:
    """Return the headers with a token."""
    return {"authorization": f"Bearer {secret}"}


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    """Return a collector on its first start."""
    app = create_app(Settings(data_dir=tmp_path))
    with TestClient(app, raise_server_exceptions=False) as client:
        services: Services = app.state.services
        services.state.apps.ensure("default")
        issue = services.state.tokens.issue
        agent = issue("default", name="agent", scopes=AGENT_SCOPES)
        reader = issue("default", name="reader", scopes=frozenset({"query"}))
        yield Collector(client, services, bearer(agent.secret), bearer(reader.secret))
