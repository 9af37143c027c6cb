"""The scrubber's recall and precision on the corpus."""

import json
import sys
from typing import Any

from sqreen_mw.scrubbing.scrubber import Scrubber
from tests.scrubbing.corpus import benign, secrets

SCRUBBER = Scrubber()


def test_all_secrets_of_the_corpus_are_masked() -> None:
    """Recall is 100 %, and the text around the secrets is kept."""
    rows = secrets()
    missed = [row for row in rows if row.secret in _text(SCRUBBER.value(row.value))]
    cut = [row for row in rows if any(k not in _text(SCRUBBER.value(row.value)) for k in row.keep)]
    sys.stdout.write(f"recall {1 - len(missed) / len(rows):.2%} of {len(rows)}\n")

    assert len(rows) >= 800
    assert missed == []
    assert cut == []


def test_benign_values_are_unchanged() -> None:
    """At most 0.1 % of the benign values change."""
    rows = benign()
    touched = [(row, scrubbed) for row in rows if (scrubbed := SCRUBBER.value(row)) != row]
    sys.stdout.write(f"touched {len(touched) / len(rows):.2%} of {len(rows)}\n")

    assert len(rows) >= 1300
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
