from tests.collector.dashboard.world import World


def test_a_first_token_that_is_revoked_is_not_shown(here: World) -> None:
    """The first steps show the first token for as long as it lets an app in."""
    secret = here.services.first_token
    assert secret is not None
    client = here.client()
    before = client.get("/events").text

    here.services.state.tokens.revoke(secret)

    assert secret in before
    assert secret not in client.get("/events").text
