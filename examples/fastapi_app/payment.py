"""A simulated payment provider with the usual test card numbers."""

from typing import Final

_REFUSED: Final = {
    "4000000000000002": "card_declined",
    "4000000000009995": "insufficient_funds",
    "4000000000000069": "expired_card",
}
_NINE: Final = 9


def charge(number: str, *, cents: int) -> str | None:
    """Charge a card. Return why it was declined, or None."""
    digits = "".join(filter(str.isdigit, number))
    if cents <= 0 or not _luhn_holds(digits):
        return "invalid_number"
    return _REFUSED.get(digits)


def _luhn_holds(digits: str) -> bool:
    """Return whether the check digit of a card number is right (ISO/IEC 7812-1, annex B)."""
    if not digits:
        return False
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(value - _NINE if value > _NINE else value for value in doubled) % 10 == 0
