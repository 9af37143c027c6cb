"""Who gets in, how, and what a forged form achieves."""

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from sqreen_mw.collector.auth import SESSION_COOKIE
from sqreen_mw.collector.dashboard.sign_in import local_path
from tests.collector.dashboard.world import PASSWORD, World, told, world


@pytest.fixture
def stranger(here: World) -> TestClient:
    """Return a client that nobody has signed in with, from an address of its own."""
    client = TestClient(here.app, follow_redirects=False, client=(f"client-{id(here):x}", 50_000))
    here.services.state.users.create("ann", password=PASSWORD, role="analyst")
    return client


def token_on(text: str) -> str:
    """Return the token of the forms on a page."""
    found = re.search(r'name="csrf" value="([^"]+)"', text)
    assert found is not None
    return found[1]


def test_pages_lead_strangers_to_the_door_and_back(stranger: TestClient) -> None:
    """Without a session each page redirects to the login page, which returns to it."""
    answer = stranger.get("/events?q=x")
    form = {"name": "ann", "password": PASSWORD, "next": "/events?q=x"}

    entered = stranger.post("/login", data=form)

    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/login?next=%2Fevents%3Fq%3Dx",
    )
    assert (entered.status_code, entered.headers["location"]) == (303, "/events?q=x")
    assert stranger.get("/events").status_code == 200


def test_the_cookie_is_for_this_site_and_no_script(here: World, stranger: TestClient) -> None:
    """The session's cookie is HttpOnly, SameSite=Lax, and Secure where the page is."""
    form = {"name": "ann", "password": PASSWORD}
    secure = TestClient(here.app, base_url="https://testserver", follow_redirects=False)

    plain = stranger.post("/login", data=form).headers["set-cookie"]

    assert "HttpOnly" in plain
    assert "SameSite=lax" in plain
    assert "Secure" not in plain
    assert "Secure" in secure.post("/login", data=form).headers["set-cookie"]


def test_behind_a_proxy_that_speaks_tls(tmp_path: Path) -> None:
    """A public URL of https makes cookies Secure, and is the one in the lines to paste."""
    with world(tmp_path, public_url="https://sqreen.example.com") as here:
        here.services.state.users.create("ann", password=PASSWORD, role="analyst")
        client = TestClient(here.app, follow_redirects=False)

        cookie = client.post("/login", data={"name": "ann", "password": PASSWORD})
        text = here.client().get("/events").text

    assert "Secure" in cookie.headers["set-cookie"]
    assert "export SQREEN_URL=https://sqreen.example.com\n" in text


def test_a_wrong_name_and_a_wrong_password_look_the_same(stranger: TestClient) -> None:
    """Nobody learns from the answer which names exist."""
    wrong = [
        stranger.post("/login", data={"name": name, "password": "wrong"}) for name in ("ann", "bob")
    ]

    assert [answer.status_code for answer in wrong] == [401, 401]
    assert wrong[0].text.replace("ann", "bob") == wrong[1].text
    assert "do not match" in wrong[0].text


def test_guessing_is_slowed_down(stranger: TestClient) -> None:
    """After five failures even the right password has to wait."""
    for _ in range(5):
        stranger.post("/login", data={"name": "ann", "password": "wrong"})

    answer = stranger.post("/login", data={"name": "ann", "password": PASSWORD})

    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert "Too many attempts" in answer.text


def test_an_office_behind_one_address_gets_in(stranger: TestClient) -> None:
    """However often people of one address sign in rightly, the next one does not have to wait."""
    answers = [
        stranger.post("/login", data={"name": "ann", "password": PASSWORD}) for _ in range(32)
    ]

    assert {answer.status_code for answer in answers} == {303}


def test_many_names_from_one_address_have_to_wait(here: World) -> None:
    """Guesses at ever other names are slowed down too; a right one does not end that."""
    guesser = TestClient(here.app, follow_redirects=False, client=(f"peer-{id(here):x}", 50_000))
    here.services.state.users.create("ann", password=PASSWORD, role="analyst")
    for number in range(29):
        guesser.post("/login", data={"name": f"name{number}", "password": "wrong"})
    guesser.post("/login", data={"name": "ann", "password": PASSWORD})
    last = guesser.post("/login", data={"name": "another", "password": "wrong"})

    answer = guesser.post("/login", data={"name": "ann", "password": PASSWORD})

    assert (last.status_code, answer.status_code) == (401, 429)


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "/\nx"]
)
def test_signing_in_never_leads_elsewhere(target: str) -> None:
    """Only a path of this collector is gone on to."""
    assert local_path(target) == "/events"


def test_a_link_signs_in_once(here: World, stranger: TestClient) -> None:
    """The second use of a link is refused with the way to get a new one."""
    state = here.services.state
    user = state.users.by_name("ann")
    assert user is not None
    link = f"/login/once?token={state.sessions.issue_link(user, lifetime=60)}"

    looked = stranger.head(link)
    first = stranger.get(link)
    stranger.cookies.clear()
    second = stranger.get(link)

    assert looked.status_code == 405
    assert (first.status_code, first.headers["location"]) == (303, "/events")
    assert (second.status_code, "set-cookie" in second.headers) == (410, False)
    assert "sqreen-mw users link" in second.text


def test_signing_in_opens_another_session(here: World) -> None:
    """The secret before and after are not the same, and the old one is over."""
    client = here.client("admin")
    old = client.cookies[SESSION_COOKIE]
    user = here.services.state.users.by_name("admin")
    assert user is not None

    link = here.services.state.sessions.issue_link(user, lifetime=60)
    client.get(f"/login/once?token={link}")

    assert client.cookies.get(SESSION_COOKIE, domain="testserver.local") != old
    assert here.services.state.sessions.find(old) is None


def test_signing_out_ends_the_session_in_the_store(here: World, client: TestClient) -> None:
    """After signing out the cookie is worth nothing, even if somebody kept it."""
    secret = client.cookies[SESSION_COOKIE]
    token = token_on(client.get("/events").text)

    answer = client.post("/logout", data={"csrf": token})

    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert here.services.state.sessions.find(secret) is None


def test_a_form_of_another_session_is_refused(here: World, client: TestClient) -> None:
    """A token counts for the session that it was made for, and for no other."""
    token = token_on(client.get("/events").text)
    other = here.client("admin")

    refused = [
        other.post("/logout", data=data) for data in ({"csrf": token}, {"csrf": "x"}, {"a": "b"})
    ]

    assert [answer.status_code for answer in refused] == [403, 403, 403]
    assert here.services.state.sessions.find(other.cookies[SESSION_COOKIE]) is not None


@pytest.mark.parametrize(
    "headers",
    [{"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}, {"origin": "http://[x"}],
)
def test_a_form_on_another_site_is_refused(stranger: TestClient, headers: dict[str, str]) -> None:
    """Another site can't sign a browser in, even with the right password."""
    form = {"name": "ann", "password": PASSWORD}

    answer = stranger.post("/login", data=form, headers=headers)

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_odd_forms_are_refused(stranger: TestClient) -> None:
    """A form that is too large, of another kind or not text does not get far."""
    kind = {"content-type": "application/x-www-form-urlencoded"}
    answers = [
        stranger.post("/login", data={"name": "a" * 9000}),
        stranger.post("/login", json={"name": "ann"}),
        stranger.post("/login", content=b"name=\xff", headers=kind),
        stranger.post("/login", content=b"&a=1" * 30, headers=kind),
    ]

    assert [answer.status_code for answer in answers] == [413, 415, 400, 400]


def test_an_empty_store_shows_the_first_steps(here: World, client: TestClient) -> None:
    """Without events the page has the token of the first start and lines that use it."""
    text = client.get("/events").text

    assert here.services.first_token is not None
    assert f"export SQREEN_TOKEN={here.services.first_token}" in text
    assert "export SQREEN_URL=http://testserver" in text
    assert "data-first-event" in text


def test_the_curl_line_sends_an_event(here: World, client: TestClient) -> None:
    """What the page offers for pasting is taken by the collector as it is."""
    text = client.get("/events").text
    found = re.search(r">curl [^>]*-d &#39;(.*?)&#39;</pre>", text, re.DOTALL)
    assert found is not None
    bearer = {"authorization": f"Bearer {here.services.first_token}"}

    answer = client.post(
        "/v1/events",
        content=found[1].replace("&#34;", '"'),
        headers=bearer | {"content-type": "application/json"},
    )

    assert answer.json()["accepted"] == 1
    assert "coupon.applied" in client.get("/events").text


def test_a_token_is_made_and_shown_once(here: World) -> None:
    """An analyst's button makes a token that works; a viewer neither sees nor makes one."""
    analyst, viewer = here.client("analyst"), here.client("viewer")
    seen = viewer.get("/events").text
    forbidden = viewer.post("/first-steps/token", data={"csrf": token_on(seen)})

    made = analyst.post("/first-steps/token", data={"csrf": token_on(analyst.get("/events").text)})

    found = re.search(r"SQREEN_TOKEN=(sqm_\w+)", made.text)
    assert found is not None
    assert here.services.state.tokens.verify(found[1]) is not None
    assert found[1] != here.services.first_token
    assert forbidden.status_code == 403
    assert "sqm_" not in seen + forbidden.text


def test_events_end_the_first_steps(here: World, client: TestClient) -> None:
    """Once there is an event, the Explorer is the Explorer, even where none is in range."""
    here.put(told(ago=10 * 24 * 3_600_000))

    text = client.get("/events").text

    assert "first-steps" not in text
    assert "No event matches" in text
