"""The shop's settings from the environment."""

import os
import secrets
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The shop's settings.

    Attributes:
        database: The SQLite file; if empty, a temporary file that ends with the process.
        secret: Signs the session cookies. All processes need the same one.
    """

    database: str = ""
    secret: str = field(default_factory=secrets.token_urlsafe, repr=False)

    @classmethod
    def from_environment(cls) -> Self:
        """Read ``SHOP_DATABASE`` and ``SHOP_SECRET``."""
        return cls(
            database=os.environ.get("SHOP_DATABASE", ""),
            secret=os.environ.get("SHOP_SECRET") or secrets.token_urlsafe(),
        )
