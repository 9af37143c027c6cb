"""Test that one function answers every permission question, and that every route asks it."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Route
from starlette.testclient import TestClient

from sqreen_mw.collector.api import ROUTERS
from sqreen_mw.collector.api.access import ReadableApp, TokenFor
from sqreen_mw.collector.app import create_app
from sqreen_mw.collector.auth import SESSION_COOKIE
from sqreen_mw.collector.dashboard.routes import ROUTES
from sqreen_mw.collector.dashboard.web.csrf import csrf_token
from sqreen_mw.collector.dashboard.web.page import PageEndpoint
from sqreen_mw.collector.permissions import ALL_APPS, Action, Actor, Visitor, may
from sqreen_mw.collector.services import Services, open_services
from sqreen_mw.collector.settings import Settings
from sqreen_mw.collector.state.tokens import SCOPES, Token
from sqreen_mw.collector.state.users import Role, User

PUBLIC = {"/openapi.json", "/healthz", "/readyz", "/static/{name}", "/favicon.svg"}
PAGES = [route for route in ROUTES if isinstance(route, Route)]
APP = "shop"
SENDING = {Action.SEND_EVENTS, Action.SEND_HEARTBEATS, Action.IMPORT_EVENTS}


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Return the services of a collector with one app."""
    folder: Path = tmp_path_factory.mktemp("collector")
    opened = open_services(Settings(data_dir=folder))
    opened.state.apps.ensure(APP)
    yield opened
    opened.close()


def routes() -> list[Route]:
    """Return the routes of the collector."""
    app = create_app(Settings(data_dir=Path("unused")))
    in_api = [route for router in ROUTERS for route in router.routes if isinstance(route, Route)]
    others = [route for route in app.routes if type(route) is Route]
    assert {route.path for route in in_api} == set(app.openapi()["paths"])
    assert {route.path for route in others} == {*(page.path for page in PAGES), "/openapi.json"}
    return [*in_api, *others]


def action_of(route: Route) -> Action | None:
    """Return the action that a route asks about, or None."""
    if isinstance(route.app, PageEndpoint):
        return route.app.action
    if isinstance(route, APIRoute):
        for dependency in route.dependant.dependencies:
            if isinstance(dependency.call, TokenFor | ReadableApp):
                return dependency.call.action
    return None


def protected() -> list[tuple[str, str, Action]]:
    """Return method, path and action of each route that asks for a permission."""
    return [
        (method, route.path, action)
        for route in routes()
        if (action := action_of(route)) is not None
        for method in sorted((route.methods or set()) - {"HEAD"})
    ]


def token(scope: str, *, app: str = APP) -> Token:
    """Return a token with one scope."""
    return Token(id="id", app=app, name="test", scopes=frozenset({scope}), created_at=0)


def user(role: Role) -> User:
    """Return a user with a role."""
    return User(1, role, role)


ACTORS: list[Actor] = [
    Visitor(),
    *map(user, get_args(Role)),
    *(token(scope) for scope in sorted(SCOPES)),
]


def test_every_route_asks_for_a_permission_or_is_public() -> None:
    """Each route names its action, except a short list of public ones."""
    without = {route.path for route in routes() if action_of(route) is None}

    assert without == PUBLIC
    assert {action for _, _, action in protected()} == set(Action)


@pytest.mark.parametrize(
    ("actor", "allowed"),
    [
        (Visitor(), {Action.LOG_IN}),
        (
            user("viewer"),
            set(Action) - SENDING - {Action.CREATE_TOKENS},
        ),
        (user("analyst"), set(Action) - SENDING),
        (user("admin"), set(Action) - SENDING),
        (token("ingest"), {Action.SEND_EVENTS, Action.SEND_HEARTBEATS}),
        (token("import"), {Action.IMPORT_EVENTS}),
        (token("query"), {Action.READ_EVENTS, Action.READ_INSTANCES}),
        (token("decisions:read"), set()),
        (token("playbooks:write"), set()),
        (token("admin"), set()),
    ],
)
def test_actor_may_do_these_actions(actor: Actor, allowed: set[Action]) -> None:
    """Roles and scopes allow exactly these actions."""
    assert {action for action in Action if may(actor, action, APP)} == allowed


@pytest.mark.parametrize("action", Action)
def test_token_is_valid_for_its_app_only(action: Action) -> None:
    """A token may do nothing on another app or on all apps."""
    for scope in SCOPES:
        assert not may(token(scope), action, "bank")
        assert not may(token(scope), action, ALL_APPS)


@pytest.mark.parametrize(("method", "path", "action"), protected())
def test_route_denies_whom_may_denies(
    services: Services, method: str, path: str, action: Action
) -> None:
    """Every route denies an actor exactly if may() does."""
    for actor in ACTORS:
        # Pages use sessions only: a token does not open them.
        ignored = isinstance(actor, Token) and not path.startswith("/v1")
        allowed = may(Visitor() if ignored else actor, action, APP)

        assert denied(services, actor, method, path) is not allowed, (actor, method, path)


def denied(services: Services, actor: Actor, method: str, path: str) -> bool:
    """Return True if the collector denies a request of an actor."""
    app = create_app(Settings(data_dir=Path("unused")), services=services)
    app.state.services = services
    client = TestClient(app, follow_redirects=False)
    form = {"name": "wrong"}
    if isinstance(actor, Token):
        issued = services.state.tokens.issue(APP, name="test", scopes=actor.scopes)
        client.headers["authorization"] = f"Bearer {issued.secret}"
    if isinstance(actor, User):
        known = services.state.users.by_name(actor.name)
        known = known or services.state.users.create(actor.name, password=None, role=actor.role)
        secret = services.state.sessions.open(known)
        session = services.state.sessions.find(secret)
        assert session is not None
        client.cookies.set(SESSION_COOKIE, secret)
        form["csrf"] = csrf_token(secret, session.id)
    url = path.replace(":outside_api", "").format(app=APP, event_id="x", path="nowhere")
    url += "?since=x" if path == "/events/live" else ""  # 400, because a stream does not end
    is_form = method == "POST" and not path.startswith("/v1")
    response = client.request(method, url, data=form if is_form else None)
    if "Wrong name or password" in response.text:
        return False  # The form is public; only the password is wrong.
    to_login = "/login" in response.headers.get("location", "") and path != "/logout"
    return response.status_code in {401, 403} or to_login
