"""The form of a token: ``sqm_<id>_<secret>``."""

from typing import Final

PREFIX: Final = "sqm"

ORGANIZATION: Final = "org"
"""Start of the id of an organization token. Other ids are hexadecimal, so they cannot have it."""


def is_organization_token(secret: str) -> bool:
    """Return True if a secret has the form of an organization token, which accepts any app."""
    return secret.startswith(f"{PREFIX}_{ORGANIZATION}")
