"""Test login, logout and CSRF protection."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from sqreen_mw.collector.auth import SESSION_COOKIE
from sqreen_mw.collector.dashboard.login.views import local_path
from tests.collector.dashboard.running_collector import (
    PASSWORD,
    RunningCollector,
    running_collector,
    token_on,
)


@pytest.fixture
def visitor(collector: RunningCollector) -> TestClient:
    """Return a client without a session, with its own address."""
    client = TestClient(
        collector.app, follow_redirects=False, client=(f"client-{id(collector):x}", 50_000)
    )
    collector.services.state.users.create("ann", password=PASSWORD, role="analyst")
    return client


def test_login_redirects_back_to_the_page(visitor: TestClient) -> None:
    """A page without session redirects to the login, which returns to the page."""
    answer = visitor.get("/events?q=x")
    form = {"name": "ann", "password": PASSWORD, "next": "/events?q=x"}

    entered = visitor.post("/login", data=form)

    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/login?next=%2Fevents%3Fq%3Dx",
    )
    assert (entered.status_code, entered.headers["location"]) == (303, "/events?q=x")
    assert visitor.get("/events").status_code == 200


def test_session_cookie_has_safe_attributes(
    collector: RunningCollector, visitor: TestClient
) -> None:
    """The cookie is HttpOnly, SameSite=Lax, and Secure on HTTPS."""
    form = {"name": "ann", "password": PASSWORD}
    secure = TestClient(collector.app, base_url="https://testserver", follow_redirects=False)

    plain = visitor.post("/login", data=form).headers["set-cookie"]

    assert "HttpOnly" in plain
    assert "SameSite=lax" in plain
    assert "Secure" not in plain
    assert "Secure" in secure.post("/login", data=form).headers["set-cookie"]


def test_https_public_url_makes_cookies_secure(tmp_path: Path) -> None:
    """With an https public URL, cookies are Secure and snippets use the URL."""
    with running_collector(tmp_path, public_url="https://sqreen.example.com") as collector:
        collector.services.state.users.create("ann", password=PASSWORD, role="analyst")
        client = TestClient(collector.app, follow_redirects=False)

        cookie = client.post("/login", data={"name": "ann", "password": PASSWORD})
        text = collector.client().get("/events").text

    assert "Secure" in cookie.headers["set-cookie"]
    assert "export SQREEN_URL=https://sqreen.example.com\n" in text


def test_login_error_does_not_reveal_user_names(visitor: TestClient) -> None:
    """A wrong name and a wrong password get the same answer."""
    wrong = [
        visitor.post("/login", data={"name": name, "password": "wrong"}) for name in ("ann", "bob")
    ]

    assert [answer.status_code for answer in wrong] == [401, 401]
    assert wrong[0].text.replace("ann", "bob") == wrong[1].text
    assert "Wrong name or password" in wrong[0].text


def test_sixth_login_attempt_has_to_wait(visitor: TestClient) -> None:
    """After five failures even the right password must wait."""
    for _ in range(5):
        visitor.post("/login", data={"name": "ann", "password": "wrong"})

    answer = visitor.post("/login", data={"name": "ann", "password": PASSWORD})

    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert "Too many attempts" in answer.text


def test_successful_logins_are_not_limited(visitor: TestClient) -> None:
    """Many successful logins from one address are not throttled."""
    answers = [
        visitor.post("/login", data={"name": "ann", "password": PASSWORD}) for _ in range(32)
    ]

    assert {answer.status_code for answer in answers} == {303}


def test_guesses_at_many_names_are_throttled(collector: RunningCollector) -> None:
    """One address is throttled over all names; one success does not reset it."""
    attacker = TestClient(
        collector.app, follow_redirects=False, client=(f"peer-{id(collector):x}", 50_000)
    )
    collector.services.state.users.create("ann", password=PASSWORD, role="analyst")
    for number in range(29):
        attacker.post("/login", data={"name": f"name{number}", "password": "wrong"})
    attacker.post("/login", data={"name": "ann", "password": PASSWORD})
    last = attacker.post("/login", data={"name": "another", "password": "wrong"})

    answer = attacker.post("/login", data={"name": "ann", "password": PASSWORD})

    assert (last.status_code, answer.status_code) == (401, 429)


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "/\nx"]
)
def test_login_redirects_only_to_local_paths(target: str) -> None:
    """The target after login is a path of this collector."""
    assert local_path(target) == "/events"


def test_login_link_works_once(collector: RunningCollector, visitor: TestClient) -> None:
    """The second use of a link fails and explains how to get a new one."""
    state = collector.services.state
    user = state.users.by_name("ann")
    assert user is not None
    link = f"/login/once?token={state.sessions.issue_link(user, lifetime=60)}"

    looked = visitor.head(link)
    first = visitor.get(link)
    visitor.cookies.clear()
    second = visitor.get(link)

    assert looked.status_code == 405
    assert (first.status_code, first.headers["location"]) == (303, "/events")
    assert (second.status_code, "set-cookie" in second.headers) == (410, False)
    assert "sqreen-mw users link" in second.text


def test_login_replaces_the_session(collector: RunningCollector) -> None:
    """A login creates a new secret and closes the old session."""
    client = collector.client("admin")
    old = client.cookies[SESSION_COOKIE]
    user = collector.services.state.users.by_name("admin")
    assert user is not None

    link = collector.services.state.sessions.issue_link(user, lifetime=60)
    client.get(f"/login/once?token={link}")

    assert client.cookies.get(SESSION_COOKIE, domain="testserver.local") != old
    assert collector.services.state.sessions.find(old) is None


def test_logout_deletes_the_session(collector: RunningCollector, client: TestClient) -> None:
    """After the logout the cookie is no longer valid."""
    secret = client.cookies[SESSION_COOKIE]
    token = token_on(client.get("/events").text)

    answer = client.post("/logout", data={"csrf": token})

    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert collector.services.state.sessions.find(secret) is None


def test_csrf_token_of_another_session_is_rejected(
    collector: RunningCollector, client: TestClient
) -> None:
    """A CSRF token is valid for its own session only."""
    token = token_on(client.get("/events").text)
    other = collector.client("admin")

    refused = [
        other.post("/logout", data=data) for data in ({"csrf": token}, {"csrf": "x"}, {"a": "b"})
    ]

    assert [answer.status_code for answer in refused] == [403, 403, 403]
    assert collector.services.state.sessions.find(other.cookies[SESSION_COOKIE]) is not None


@pytest.mark.parametrize(
    "headers",
    [{"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}, {"origin": "http://[x"}],
)
def test_cross_site_login_is_rejected(visitor: TestClient, headers: dict[str, str]) -> None:
    """Another site cannot log a browser in, even with the right password."""
    form = {"name": "ann", "password": PASSWORD}

    answer = visitor.post("/login", data=form, headers=headers)

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_malformed_forms_are_rejected(visitor: TestClient) -> None:
    """Forms that are too large, of another type or not UTF-8 are rejected."""
    kind = {"content-type": "application/x-www-form-urlencoded"}
    answers = [
        visitor.post("/login", data={"name": "a" * 9000}),
        visitor.post("/login", json={"name": "ann"}),
        visitor.post("/login", content=b"name=\xff", headers=kind),
        visitor.post("/login", content=b"&a=1" * 30, headers=kind),
    ]

    assert [answer.status_code for answer in answers] == [413, 415, 400, 400]
