"""Password hashes that cost little."""

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

PASSWORDS = "sqreen_mw.collector.state.passwords"


@pytest.fixture(autouse=True, scope="session")
def cheap_passwords() -> Iterator[None]:
    """Hash passwords with the least work. Collectors in their own process use the real cost."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    decoy = hasher.hash("no user has this password")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{PASSWORDS}._hasher", hasher)
        patch.setattr(f"{PASSWORDS}._decoy", lambda: decoy)
        yield
