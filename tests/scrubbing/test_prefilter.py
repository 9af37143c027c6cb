"""The prefilter changes no result: the same secrets are masked without it."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqreen_mw.protocol.mask import MASK
from sqreen_mw.scrubbing.assignments import Assignments
from sqreen_mw.scrubbing.credentials import mask_credentials
from sqreen_mw.scrubbing.markup import mask_markup
from sqreen_mw.scrubbing.payment_numbers import mask_payment_numbers
from sqreen_mw.scrubbing.scrubber import Scrubber
from sqreen_mw.scrubbing.sensitive_keys import SensitiveKeys
from sqreen_mw.scrubbing.sensitive_words import (
    CODES,
    KIN,
    ORIGINAL_KEYS,
    PERSON_IDS,
    WHOLE_KEYS,
    WORLD,
)
from sqreen_mw.scrubbing.url_secrets import mask_url_secrets
from sqreen_mw.scrubbing.vendor_tokens import FORMATS, mask_vendor_tokens

SCRUBBER = Scrubber()
KEYS = SensitiveKeys()
ASSIGNMENTS = Assignments(KEYS)
NAMES = f"{ORIGINAL_KEYS} {KIN} {CODES} {PERSON_IDS} {WHOLE_KEYS} {WORLD}".split()
LOOKS_AROUND = re.compile(r"\(\?<?[=!][^)]*\)")
CLASS = re.compile(r"\[[^\]]*\]")
SECRET = "Zx83kq91"


def unfiltered(text: str) -> str:
    """Return a text after all steps, without the prefilter."""
    text = mask_url_secrets(mask_payment_numbers(mask_vendor_tokens(text)))
    return ASSIGNMENTS.mask(mask_markup(mask_credentials(text), KEYS.match))


@pytest.mark.slow
@pytest.mark.parametrize(
    "form",
    [
        *("deploy --{} Zx83kq91 now", "--{} 'Zx83kq91'", "run --{}=Zx83kq91", "{}=Zx83kq91"),
        *("the {} is Zx83kq91", "{} was 839201", "your {} is: Zx83kq91", "{} are Zx83kq91."),
        *("{} -> Zx83kq91", "{}->Zx83kq91", "{} \u2192 Zx83kq91", "{}\u2192Zx83kq91"),
        *("{}: Zx83kq91", "a?{}=Zx83kq91&b=c", "<{0}>Zx83kq91</{0}>", '{{"{}": "Zx83kq91"}}'),
        *("- name: {}\n  value: Zx83kq91", "('{}', 'Zx83kq91')", "{}%3DZx83kq91"),
        *("with {} Zx83kq91", "{} for a is Zx83kq91", "login a {} Zx83kq91", "{} to Zx83kq91"),
    ],
)
def test_names_are_found_in_each_form(form: str) -> None:
    """The prefilter passes the value of each sensitive name in each form."""
    texts = [form.format(name) for name in NAMES]

    assert [text for text in texts if SCRUBBER.text(text) != unfiltered(text)] == []


@pytest.mark.parametrize(
    "form",
    [
        *("tool --{} {}", "the {} is {}", "the {} was {}, sorry", "{} -> {}", "{} \u2192 {}"),
        *("your {} is: {}", "{}={}", "- name: {}\n  value: {}"),
    ],
)
@pytest.mark.parametrize(
    "name",
    ["cookie", "otp", "cred", "jwt", "senha", "pswd", "cvv", "credentials", "heslo"],
)
def test_short_and_foreign_names_are_found(form: str, name: str) -> None:
    """Flags, sentences and arrows are checked for all names, not only for common ones."""
    assert SCRUBBER.text(form.format(name, SECRET)) == form.format(name, MASK)


@pytest.mark.slow
@pytest.mark.parametrize("tokens", FORMATS)
def test_vendor_tokens_are_found(tokens: str) -> None:
    """The prefilter passes tokens of all documented formats, also the shortest."""
    # A real token has signs such as slashes only here and there.
    without_signs = CLASS.sub(lambda match: re.sub("[./=]", "", match[0]), tokens)
    drawn = re.compile(LOOKS_AROUND.sub("", without_signs), re.ASCII)

    @settings(max_examples=10)
    @given(st.from_regex(drawn, fullmatch=True))
    def holds(token: str) -> None:
        assert SCRUBBER.text(token) == unfiltered(token)
        assert SCRUBBER.text(f"got {token} here") == unfiltered(f"got {token} here")

    holds()


@pytest.mark.parametrize(
    ("start", "rest"),
    [
        *(("xoxb-", "1234567890"), ("sk_live_", "abcdefghij"), ("rk_test_", "4eC39HqLyj")),
        ("django-insecure-", "i!+eqh5+24^yng5by1#+)a(2r_o@gubbb^8ay*n1_b7o+259ow"),
        ("django-insecure-", "!@#$%^&*(" * 6),
    ],
)
def test_short_and_unusual_tokens_are_masked(start: str, rest: str) -> None:
    """A short token, or one of unusual characters, is masked."""
    assert SCRUBBER.text(start + rest) == MASK


@pytest.mark.parametrize("after", ["", " 123e4567-e89b-12d3-a456-426614174000", " and text"])
def test_short_parts_of_a_webhook_are_masked(after: str) -> None:
    """The address of a webhook is a secret, although each of its parts is short."""
    text = f"https://hooks.slack.com/triggers/T0AB/215592589565/x9Kq{after}"

    assert Scrubber().text(text) == f"https://hooks.slack.com/{MASK}{after}"
