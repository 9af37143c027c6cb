"""What the shop reads from its environment."""

import os
import secrets
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the shop runs.

    Attributes:
        database: A file for SQLite; empty for a temporary one that ends with the process.
        secret: Signs the session cookies. Several processes need the same one.
    """

    database: str = ""
    secret: str = field(default_factory=secrets.token_urlsafe, repr=False)

    @classmethod
    def from_environment(cls) -> Self:
        """Read ``SHOP_DATABASE`` and ``SHOP_SECRET``."""
        environment = os.environ  # noqa: TID251  # this is the shop's configuration
        return cls(
            database=environment.get("SHOP_DATABASE", ""),
            secret=environment.get("SHOP_SECRET") or secrets.token_urlsafe(),
        )
