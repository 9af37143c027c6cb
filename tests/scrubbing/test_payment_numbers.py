"""Card numbers, account numbers and other numbers."""

import random
from collections.abc import Callable

import pytest

from sqreen_mw.protocol.mask import MASK
from sqreen_mw.scrubbing.payment_numbers import is_card, mask_payment_numbers


@pytest.mark.parametrize(
    "text",
    [
        *("4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "3782 822463 10005"),
        *("378282246310005", "5555555555554444", "2223003122003222", "6011111111111117"),
        *("3530111333300000", "30569309025904", "6200000000000005"),
        *(
            "\uff14" + "\uff11" * 15,
            "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
            "4111%201111%201111%201111",
            "4111 - 1111 - 1111 - 1111",
            "4111.1111.1111.1111",
            "3782 8224 6310 005",
            "6205 5000 0000 0000 004",
            "3056930009020004",
        ),
    ],
)
def test_card_numbers_are_masked(text: str) -> None:
    """A number with a brand's prefix, length and a valid check digit is masked."""
    assert mask_payment_numbers(text) == MASK
    assert mask_payment_numbers(f"paid with {text}, thanks") == f"paid with {MASK}, thanks"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id4111111111111111x", f"id{MASK}x"),
        ("4111 1111 1111 1111 12/28", f"{MASK} 12/28"),
        ("12 4111 1111 1111 1111 99", f"12 {MASK} 99"),
        ("5555555555554444 5555-5555-5555-4444", f"{MASK} {MASK}"),
        ("4111 1111 1111 1111 123", f"{MASK} 123"),
        ("4000 4111 1111 1111 1111", f"4000 {MASK}"),
        ("4111 1111 1111 1111 5555 5555 5555 4444", f"{MASK} {MASK}"),
        ("2026-07-31 4 0 4 0 9 5 5 5 3 5 8 5 5 2 6 5 12/28", f"2026-07-31 {MASK} 12/28"),
    ],
)
def test_cards_are_found_between_other_digits(text: str, expected: str) -> None:
    """A card number is found before, after and between groups of other digits."""
    assert mask_payment_numbers(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("1700000000000", "1700000000000000", "1700000000000000000", "20260731123456789012"),
        *("4111111111111112", "9999999999999995", "4006381333931", "+4915123456789"),
        *("DE88370400440532013000", "DE88 3704 0044 0532 0130 00", "0.4111111111111111"),
        *("123456789012", "978-3-16-148410-0", "490154203237518", "", "+4111 1111 1111 11"),
        *("492549325632063827", "922337203685477580", "96263250672599005213307"),
        *("499-705-5780 258-878-7238", "490 638 3006 833 353 6457", "4 1 1 1 1 1 1 1 1 1 1 1"),
        *("FR67 8295 5777 1858 9769 5093 357", "SA71 6380 7611 0385 1162 6019", "4 5 " * 20),
        *("d0411111111111111" + "1" * 15, "a4111111-1111-4111-1111-111111111111"),
        *("00004111111111111111", "41111111111111110", "77411111111111111199", "4222222222222"),
        *("4111111111111111" + "1228", "16" + "4040955535855265", "1234 " * 3 + "4111 1111 " * 6),
    ],
)
def test_other_numbers_are_kept(text: str) -> None:
    """Times, order numbers, articles, accounts, phones and fractions are not cards."""
    assert mask_payment_numbers(text) == text


def test_longer_numbers_are_not_cards() -> None:
    """Only the whole number counts."""
    assert is_card("4111111111111111")
    assert not is_card("41111111111111110")


RANDOM = random.Random(4)


def digits(count: int) -> str:
    """Return random digits without a leading zero."""
    return str(RANDOM.randrange(10 ** (count - 1), 10**count))


@pytest.mark.parametrize(
    ("number", "highest"),
    [
        *((lambda n=n: digits(n), 0) for n in (8, 9, 10, 11, 12, 13)),
        *((lambda n=n: digits(n), 0.008) for n in (14, 15)),
        (lambda: digits(16), 0.035),
        *((lambda n=n: digits(n), 0.012) for n in (17, 18)),
        (lambda: digits(19), 0.016),
        *((lambda n=n: digits(n), 0) for n in range(20, 25)),
        (lambda: f"{digits(3)} {digits(3)} {digits(4)} {digits(3)} {digits(3)} {digits(4)}", 0),
        (lambda: f"{digits(8)} {digits(8)}", 0),
        (lambda: " ".join(digits(RANDOM.randint(1, 5)) for _ in range(6)), 0.003),
        (lambda: f"{RANDOM.getrandbits(256):x}", 0),
        (lambda: str(1_700_000_000_000_000 + RANDOM.randrange(10**14)), 0.001),
    ],
)
def test_few_random_numbers_are_masked(number: Callable[[], str], highest: float) -> None:
    """Only as many random numbers are masked as are valid cards by chance."""
    texts = [number() for _ in range(3000)]

    assert sum(mask_payment_numbers(text) != text for text in texts) <= highest * len(texts)


@pytest.mark.parametrize(
    "number",
    [
        *("DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "DE89-3704-0044-0532-0130-00"),
        *(
            "GB29NWBK60161331926819",
            "gb29nwbk60161331926819",
            "NO9386011117947",
            "NO93 8601 1117 947",
        ),
        *("MT84MALT011000012345MTLCAST001S", "FR14 2004 1010 0505 0001 3M02 606"),
    ],
)
@pytest.mark.parametrize(
    "form", ["{}", "to {}, thanks", "IBAN: {} 12.50 EUR", "iban={}", "<b>{}</b>"]
)
def test_account_numbers_are_masked(number: str, form: str) -> None:
    """A number with a country, its length and valid check digits is masked, also with spaces."""
    assert mask_payment_numbers(form.format(number)) == form.format(MASK)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "DE88370400440532013000",
            "DE8937040044053201300",
            "DE893704004405320130000",
            "XX89 1234",
        ),
        *("xDE89370400440532013000", "DE89370400440532013000x", "GB29 Oak Street", "DE89", "AB12"),
        *("it60 items of 12 were sent to 3 of the customers", "DE123456789"),
    ],
)
def test_other_words_are_not_account_numbers(text: str) -> None:
    """A wrong check digit, length or country, and letters around a number, keep it."""
    assert mask_payment_numbers(text) == text
