"""Secrets in URLs and paths."""

import pytest

from sqreen_mw.protocol.mask import MASK
from sqreen_mw.scrubbing.scrubber import Scrubber

SCRUBBER = Scrubber()
HEX = "8f14e45fceea167a5a36dedd4bea2543"
MIXED = "aB3dE5fG7hI9jK1lM3nO"
ID = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"


@pytest.mark.parametrize("secret", [HEX, MIXED, ID, f"c9x4kj-{HEX}"])
@pytest.mark.parametrize(
    "form",
    [
        *("/reset/{}", "/accounts/password/reset/{}/", "/invite/{}", "/users/7/verify-email/{}"),
        *("/unsubscribe/{}?lang=en", "https://app.example.com/activate/{}", "reset/{} is used"),
        *(
            "GET /magic-link/{} HTTP/1.1",
            "/accounts/reset/MjQ/{}/",
            "see https://a.example/opt-out/{}",
        ),
        *(
            "https://hooks.example.com/{}",
            "https://chat.example.com/hooks/{}",
            "/api/webhook/42/{}",
        ),
    ],
)
def test_tokens_in_paths_are_masked(form: str, secret: str) -> None:
    """A generated segment after words such as ``reset`` is masked, and the rest is kept."""
    assert SCRUBBER.text(form.format(secret)) == form.format(MASK)


def test_codes_in_paths_are_masked() -> None:
    """Six to eight digits are a code only after words such as ``verify``."""
    assert SCRUBBER.text("/verify/482913") == f"/verify/{MASK}"
    assert SCRUBBER.text("/invite/482913") == "/invite/482913"
    assert SCRUBBER.text("/verify/4829") == "/verify/4829"


@pytest.mark.parametrize(
    "path",
    [
        *("/reset/password", "/password/reset/done/", "/verify/email/start", "/invites/42/accept"),
        *("/unsubscribe/weekly-digest", "/orders/ORD-2026-001234/confirm", f"/commits/{HEX}"),
        *(f"/users/{ID}/orders", "/blog/how-to-reset-a-password/2026", "/docs/hooks/use-effect"),
        *("/webhooks/stripe", "/hooks/pre-commit", "/confirm/step-2", "/games/reset/level3"),
        *("https://jane@example.com/reset/jane@example.com", f"/static/{HEX}.js"),
    ],
)
def test_other_paths_are_kept(path: str) -> None:
    """Words, short ids and hashes without such a word before them are kept."""
    assert SCRUBBER.text(path) == path


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"https://{HEX}@git.example/a.git", f"https://{MASK}@git.example/a.git"),
        (f"https://{MIXED}:@api.example/v1", f"https://{MASK}:@api.example/v1"),
        ("https://bob:hunter2@git.example/a", f"https://bob:{MASK}@git.example/a"),
        ("ssh://git@github.com/o/r", "ssh://git@github.com/o/r"),
        ("https://jane.doe-1985@example.com/x", "https://jane.doe-1985@example.com/x"),
    ],
)
def test_users_and_passwords_of_urls_are_masked(text: str, shown: str) -> None:
    """A password is masked, and a user only if it looks like a token."""
    assert SCRUBBER.text(text) == shown


@pytest.mark.parametrize(
    "url",
    [
        f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={ID}",
        "https://hooks.zapier.com/hooks/catch/1234567/abcdefg/",
        f"https://discord.com/api/webhooks/123456789012345678/{MIXED * 3}",
        f"https://acme.webhook.office.com/webhookb2/{ID}@{ID}/IncomingWebhook/{HEX}/{ID}",
        f"https://outlook.office.com/webhook/{ID}@{ID}/IncomingWebhook/{HEX}/{ID}",
        f"https://outlook.office365.com/webhook/{ID}@{ID}/IncomingWebhook/{HEX}/{ID}",
        f"https://hook.eu1.make.com/{HEX}",
        "https://hook.us2.make.com/abcdefghijklmnopqrstuvwxyzabcdefg",
        f"https://hook.integromat.com/{HEX}",
        f"https://maker.ifttt.com/trigger/sale/with/key/{MIXED}",
        f"https://events.pagerduty.com/integration/{HEX}/enqueue",
    ],
)
def test_addresses_of_webhooks_are_masked(url: str) -> None:
    """The secret part of an incoming webhook's address is masked."""
    shown = SCRUBBER.text(url)

    assert MASK in shown
    assert not any(secret in shown for secret in (ID, HEX, MIXED, "abcdefg"))


@pytest.mark.parametrize(
    "query",
    [
        *(
            "X-Amz-Signature={}",
            "sig={}",
            "Signature={}&Key-Pair-Id=K1",
            "code={}&state=a",
            "hmac={}",
        ),
        *("SAMLResponse={}", "session={}", "PHPSESSID={}", "ticket={}", "jsessionid={}"),
    ],
)
def test_signatures_and_sessions_in_queries_are_masked(query: str) -> None:
    """A signature, a session or a code of OAuth in a URL is masked."""
    url = f"https://a.example/p?a=1&{query}"

    assert SCRUBBER.text(url.format(HEX)) == url.format(MASK)
