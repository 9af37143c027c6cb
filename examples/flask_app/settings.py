"""What the bank reads from its environment."""

import os
import secrets
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the bank runs.

    Attributes:
        database: A file for SQLite; empty for a temporary one that ends with the process.
        secret: Signs the session cookies. Several processes need the same one.
    """

    database: str = ""
    secret: str = field(default_factory=secrets.token_urlsafe, repr=False)

    @classmethod
    def from_environment(cls) -> Self:
        """Read ``BANK_DATABASE`` and ``BANK_SECRET``."""
        environment = os.environ  # noqa: TID251  # this is the bank's configuration
        return cls(
            database=environment.get("BANK_DATABASE", ""),
            secret=environment.get("BANK_SECRET") or secrets.token_urlsafe(),
        )
