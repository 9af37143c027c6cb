"""Test login, logout and CSRF protection."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from sqreen_mw.collector.auth import SESSION_COOKIE
from sqreen_mw.collector.dashboard.web.local_path import local_path
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


def test_guesses_at_many_names_pause_only_their_own_network(collector: RunningCollector) -> None:
    """After thirty guesses from one address, it must wait; other addresses sign in."""
    noisy, other = (
        TestClient(
            collector.app, follow_redirects=False, client=(f"{name}-{id(collector):x}", 50_000)
        )
        for name in ("noisy", "other")
    )
    collector.services.state.users.create("ann", password=PASSWORD, role="analyst")
    form = {"name": "ann", "password": PASSWORD}
    for number in range(30):
        status = noisy.post("/login", data={"name": f"name{number}", "password": "wrong"})
        assert status.status_code == 401

    answers = [client.post("/login", data=form).status_code for client in (noisy, other)]

    assert answers == [429, 303]


def test_successful_sign_ins_keep_real_failures(visitor: TestClient) -> None:
    """Signing in often does not remove the wrong passwords for another name."""
    for _ in range(4):
        visitor.post("/login", data={"name": "bob", "password": "wrong"})
    for _ in range(31):
        visitor.post("/login", data={"name": "ann", "password": PASSWORD})

    answers = [visitor.post("/login", data={"name": "bob", "password": "x"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [401, 429]


@pytest.mark.parametrize(
    ("stranger", "owner"),
    [
        ("198.51.100.66", "203.0.113.9"),
        ("203.0.113.9, 198.51.100.68", "203.0.113.9"),
        ("2001:db8:1:2::66", "2001:db8:1:3::9"),
        ("unknown, 198.51.100.67", "::ffff:203.0.113.9"),
    ],
)
def test_stranger_behind_the_proxy_locks_out_only_itself(
    collector: RunningCollector, stranger: str, owner: str
) -> None:
    """Wrong passwords count for the rightmost untrusted address that the proxy reports."""
    collector.services.state.users.create("ann", password=PASSWORD, role="analyst")
    proxy = TestClient(collector.app, follow_redirects=False, client=("127.0.0.1", 50_000))

    def status(address: str, password: str) -> int:
        form = {"name": "ann", "password": password}
        headers = {"x-forwarded-for": address}
        return proxy.post("/login", data=form, headers=headers).status_code

    guesses = [status(stranger, f"guess {number}") for number in range(6)]

    assert guesses == [401] * 5 + [429]
    assert status(owner, PASSWORD) == 303


def test_addresses_of_one_ipv6_network_share_their_failures(collector: RunningCollector) -> None:
    """A client cannot get more attempts by the other addresses of its /64."""
    proxy = TestClient(collector.app, client=("::1", 50_000))
    statuses = [
        proxy.post(
            "/login",
            data={"name": "ann", "password": "wrong"},
            headers={"x-forwarded-for": f"2001:db8:{id(collector) % 9999}:7::{number}"},
        ).status_code
        for number in range(6)
    ]

    assert statuses == [401] * 5 + [429]


def test_client_of_an_untrusted_peer_cannot_choose_its_address(
    collector: RunningCollector,
) -> None:
    """Without a trusted proxy, X-Forwarded-For gives no further attempts."""
    client = TestClient(collector.app, client=(f"203.0.113.{id(collector) % 255}", 50_000))
    statuses = [
        client.post(
            "/login",
            data={"name": "ann", "password": "wrong"},
            headers={"x-forwarded-for": f"192.0.2.{number}"},
        ).status_code
        for number in range(6)
    ]

    assert statuses == [401] * 5 + [429]


def test_configured_proxy_is_trusted(tmp_path: Path) -> None:
    """With --trusted-proxies, addresses behind a proxy on another machine are told apart."""
    with running_collector(tmp_path, trusted_proxies="private, 192.0.2.0/28") as collector:
        for number, peer in enumerate(("10.1.2.3", "192.0.2.7")):
            proxy = TestClient(collector.app, client=(peer, 50_000))
            statuses = [
                proxy.post(
                    "/login",
                    data={"name": f"ann{number}", "password": "wrong"},
                    headers={"x-forwarded-for": f"198.51.100.{host}"},
                ).status_code
                for host in range(7)
            ]

            assert statuses == [401] * 7


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

    first = visitor.post(link)
    visitor.cookies.clear()
    second, opened = visitor.post(link), visitor.get(link)

    assert (first.status_code, first.headers["location"]) == (303, "/events")
    assert (second.status_code, "set-cookie" in second.headers) == (410, False)
    assert "sqreen-mw users link" in second.text
    assert opened.status_code == 410


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_opening_a_login_link_does_not_use_it(
    collector: RunningCollector, visitor: TestClient, method: str
) -> None:
    """A scanner or a preview opens the link, and the person can still log in with it."""
    state = collector.services.state
    user = state.users.by_name("ann")
    assert user is not None
    link = f"/login/once?token={state.sessions.issue_link(user, lifetime=60)}&next=/overview"

    opened = [visitor.request(method, link) for _ in range(2)]
    entered = visitor.post(link)

    assert [(answer.status_code, "set-cookie" in answer.headers) for answer in opened] == [
        (200, False)
    ] * 2
    assert (entered.status_code, entered.headers["location"]) == (303, "/overview")


def test_login_link_is_not_used_from_another_site(
    collector: RunningCollector, visitor: TestClient
) -> None:
    """Another site cannot log a browser in with a link."""
    state = collector.services.state
    user = state.users.by_name("ann")
    assert user is not None
    secret = state.sessions.issue_link(user, lifetime=60)
    headers = {"sec-fetch-site": "cross-site"}

    answer = visitor.post(f"/login/once?token={secret}", headers=headers)

    assert answer.status_code == 403
    assert state.sessions.redeem_link(secret) == user


def test_login_replaces_the_session(collector: RunningCollector) -> None:
    """A login creates a new secret and closes the old session."""
    client = collector.client("admin")
    old = client.cookies[SESSION_COOKIE]
    user = collector.services.state.users.by_name("admin")
    assert user is not None

    link = collector.services.state.sessions.issue_link(user, lifetime=60)
    client.post(f"/login/once?token={link}")

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


@pytest.mark.parametrize(
    ("public_url", "host", "origin", "status"),
    [
        ("", "sqreen.example.com", "http://sqreen.example.com", 303),
        ("", "sqreen.example.com:443", "https://sqreen.example.com", 303),
        ("", "SQREEN.example.com", "https://sqreen.example.com:443", 303),
        ("", "127.0.0.1:7070", "http://127.0.0.1:7070", 303),
        ("", "127.0.0.1:7070", "http://127.0.0.1:7071", 403),
        ("", "127.0.0.1:7070", "https://sqreen.example.com", 403),
        ("https://sqreen.example.com", "127.0.0.1:7070", "https://sqreen.example.com", 303),
        ("https://sqreen.example.com", "127.0.0.1:7070", "https://sqreen.example.com:443", 303),
        ("https://sqreen.example.com:443/x", "10.0.0.1", "https://sqreen.example.com", 303),
        ("http://sqreen.example.com:8443", "10.0.0.1", "http://sqreen.example.com:8443", 303),
        ("https://sqreen.example.com", "127.0.0.1:7070", "http://sqreen.example.com", 403),
        ("https://sqreen.example.com", "127.0.0.1:7070", "https://evil.example.com", 403),
        ("https://sqreen.example.com", "127.0.0.1:7070", "null", 403),
    ],
)
def test_form_comes_from_the_public_url_or_the_host(
    tmp_path: Path, public_url: str, host: str, origin: str, status: int
) -> None:
    """A form's origin is the public URL or the request's host. A default port changes nothing."""
    with running_collector(tmp_path, public_url=public_url) as collector:
        collector.services.state.users.create("ann", password=PASSWORD, role="analyst")
        client = TestClient(collector.app, follow_redirects=False)
        form = {"name": "ann", "password": PASSWORD}

        answer = client.post("/login", data=form, headers={"host": host, "origin": origin})

    assert answer.status_code == status


def test_full_password_queue_answers_429(visitor: TestClient) -> None:
    """If too many passwords wait, an attempt is refused with Retry-After and does not count."""
    form = {"name": "ann", "password": PASSWORD}
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: visitor.post("/login", data=form), range(12)))
    refused = [answer for answer in answers if answer.status_code == 429]

    assert {answer.status_code for answer in answers} <= {303, 429}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
    assert visitor.post("/login", data=form).status_code == 303


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
