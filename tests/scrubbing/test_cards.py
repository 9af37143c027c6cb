"""Card numbers, and the numbers that are none."""

import pytest

from sqreen_mw.scrubbing.cards import is_card, mask_cards
from sqreen_mw.scrubbing.mask import MASK


@pytest.mark.parametrize(
    "text",
    [
        *("4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "3782 822463 10005"),
        *("378282246310005", "5555555555554444", "2223003122003222", "6011111111111117"),
        *("3530111333300000", "30569309025904", "6200000000000005", "4222222222222"),
        *(
            "\uff14" + "\uff11" * 15,
            "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
            "4111%201111%201111%201111",
        ),
    ],
)
def test_card_numbers_are_masked(text: str) -> None:
    """A number with a brand's prefix, its length and a right check digit is a card's."""
    assert mask_cards(text) == MASK
    assert mask_cards(f"paid with {text}, thanks") == f"paid with {MASK}, thanks"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id4111111111111111x", f"id{MASK}x"),
        ("4111 1111 1111 1111 12/28", f"{MASK} 12/28"),
        ("12 4111 1111 1111 1111 99", f"12 {MASK} 99"),
        ("00004111111111111111", f"0000{MASK}"),
        ("5555555555554444123", f"{MASK}123"),
        ("5555555555554444 5555-5555-5555-4444", f"{MASK} {MASK}"),
    ],
)
def test_cards_are_found_in_longer_numbers(text: str, expected: str) -> None:
    """A card number is found before, behind and between other digits."""
    assert mask_cards(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("1700000000000", "1700000000000000", "1700000000000000000", "20260731123456789012"),
        *("4111111111111112", "9999999999999995", "4006381333931", "+4915123456789"),
        *("DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "0.4111111111111111"),
        *("123456789012", "978-3-16-148410-0", "490154203237518", ""),
    ],
)
def test_other_numbers_survive(text: str) -> None:
    """Times, order numbers, articles, accounts, phones and fractions are no cards."""
    assert mask_cards(text) == text


def test_a_whole_number_is_a_card_or_not() -> None:
    """A number is judged as a whole: what is longer is no card."""
    assert is_card("4111111111111111")
    assert not is_card("41111111111111110")
