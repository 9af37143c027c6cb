import os

import pytest

from sqreen_mw.collector.state import passwords


def test_password_matches_its_own_hash_only() -> None:
    """A hash matches its password; without a hash nothing matches."""
    stored = passwords.hash_password("correct horse")

    assert passwords.password_matches("correct horse", stored)
    assert not passwords.password_matches("correct horsf", stored)
    assert not passwords.password_matches("correct horse", None)
    assert not passwords.password_matches("correct horse", "no hash")


def test_hashes_are_computed_at_a_low_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password never competes with ingest for the processor."""
    seen: list[int] = []

    class Watched:
        def verify(self, *_: str) -> None:
            seen.append(os.getpriority(os.PRIO_PROCESS, 0))

        def hash(self, _: str) -> str:
            return ""

    monkeypatch.setattr(passwords, "_hasher", Watched())
    passwords.password_matches("a password", "a hash")

    assert seen > [os.getpriority(os.PRIO_PROCESS, 0)]
