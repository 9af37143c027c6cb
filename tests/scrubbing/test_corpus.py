"""The scrubber's recall and precision on the corpus."""

import json
import sys
from typing import Any

from sqreen_mw.scrubbing.scrubber import Scrubber
from tests.scrubbing.corpus import benign, secrets

SCRUBBER = Scrubber()


def test_secrets_of_the_corpus_are_masked() -> None:
    """All secrets that must be masked are masked, and 95 % of those that should be."""
    rows = secrets()
    missed = [row for row in rows if row.secret in _text(SCRUBBER.value(row.value))]
    should = [row for row in rows if not row.must]
    missed_should = [row for row in missed if not row.must]
    sys.stdout.write(f"missed {len(missed)} of {len(rows)}\n")

    assert len(rows) - len(should) >= 1200
    assert len(should) >= 1300
    assert [row for row in missed if row.must] == []
    assert len(missed_should) <= len(should) / 20, missed_should


def test_text_around_secrets_is_kept() -> None:
    """Only the secret is masked."""
    rows = secrets()

    assert [r for r in rows if any(k not in _text(SCRUBBER.value(r.value)) for k in r.keep)] == []


def test_benign_values_are_unchanged() -> None:
    """At most 0.1 % of the benign values change."""
    rows = benign()
    touched = [(row, scrubbed) for row in rows if (scrubbed := SCRUBBER.value(row)) != row]
    sys.stdout.write(f"touched {len(touched) / len(rows):.2%} of {len(rows)}\n")

    assert len(rows) >= 2700
    assert len(touched) <= len(rows) / 1000, touched


def test_scrubbing_twice_is_the_same() -> None:
    """A scrubbed value has no more secrets."""
    for row in secrets():
        once = SCRUBBER.value(row.value)

        assert SCRUBBER.value(once) == once


def _text(value: Any) -> str:
    return (
        json.dumps(value, ensure_ascii=False)
        .replace("\\\\", "\\")
        .replace('\\"', '"')
        .replace("\\n", "\n")
    )
