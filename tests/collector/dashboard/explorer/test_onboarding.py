"""Test the page before the first event."""

import re

from starlette.testclient import TestClient

from tests.collector.dashboard.running_collector import RunningCollector, make_event, token_on


def test_revoked_first_token_is_not_shown(collector: RunningCollector) -> None:
    """The page shows the first token until it is revoked."""
    secret = collector.services.first_token
    assert secret is not None
    client = collector.client()
    before = client.get("/events").text

    collector.services.state.tokens.revoke(secret)

    assert secret in before
    assert secret not in client.get("/events").text


def test_empty_store_shows_token_and_snippets(
    collector: RunningCollector, client: TestClient
) -> None:
    """Without events the page shows the first token and code that uses it."""
    text = client.get("/events").text

    assert collector.services.first_token is not None
    assert f"export SQREEN_TOKEN={collector.services.first_token}" in text
    assert "export SQREEN_URL=http://testserver" in text
    assert "data-first-event" in text
    assert "request.sqreen.track(" in text  # Django


def test_curl_snippet_sends_an_event(collector: RunningCollector, client: TestClient) -> None:
    """The collector accepts the curl command of the page."""
    text = client.get("/events").text
    found = re.search(r">curl [^>]*-d &#39;(.*?)&#39;</pre>", text, re.DOTALL)
    assert found is not None
    bearer = {"authorization": f"Bearer {collector.services.first_token}"}

    answer = client.post(
        "/v1/events",
        content=found[1].replace("&#34;", '"'),
        headers=bearer | {"content-type": "application/json"},
    )

    assert answer.json()["accepted"] == 1
    assert "coupon.applied" in client.get("/events").text


def test_analyst_creates_a_token_and_viewer_cannot(collector: RunningCollector) -> None:
    """An analyst can create a token; a viewer can neither see nor create one."""
    analyst, viewer = collector.client("analyst"), collector.client("viewer")
    seen = viewer.get("/events").text
    forbidden = viewer.post("/first-steps/token", data={"csrf": token_on(seen)})

    form = {"csrf": token_on(analyst.get("/events").text), "app": "shop"}
    made = analyst.post("/first-steps/token", data=form)

    found = re.search(r"SQREEN_TOKEN=(sqm_\w+)", made.text)
    assert found is not None
    token = collector.services.state.tokens.verify(found[1])
    assert token is not None
    assert token.app == "shop"
    assert found[1] != collector.services.first_token
    assert forbidden.status_code == 403
    assert "sqm_" not in seen + forbidden.text


def test_invalid_app_name_is_explained(collector: RunningCollector, client: TestClient) -> None:
    """The page keeps the name, marks the field and creates no app."""
    form = {"csrf": token_on(client.get("/events").text), "app": "a/b"}

    answer = client.post("/first-steps/token", data=form)

    assert answer.status_code == 400
    assert 'value="a/b"' in answer.text
    assert "is not a valid app name" in answer.text
    assert collector.services.state.apps.count() == 0


def test_explorer_opens_after_the_first_event(
    collector: RunningCollector, client: TestClient
) -> None:
    """After the first event the Explorer opens, even if its range is empty."""
    collector.store(make_event(ago=10 * 24 * 3_600_000))

    text = client.get("/events").text

    assert "first-steps" not in text
    assert "No events in this range." in text
