"""The corpus of made-up secrets and benign values."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "corpus"


@dataclass(frozen=True)
class Planted:
    """A value with a secret, and the parts that must be kept.

    Each secret must be masked, except for few of those that only should be.
    """

    kind: str
    value: Any
    secret: str
    keep: tuple[str, ...]
    must: bool


def secrets() -> list[Planted]:
    """Return the values with secrets, which are stored in parts to avoid secret scanners."""
    return [_planted(row) for row in _rows("secrets.jsonl")]


def benign() -> list[Any]:
    """Return the values without secrets."""
    return [row["value"] for row in _rows("benign.jsonl")]


def plant(value: Any, secret: str) -> Any:
    """Return a value in which ``{}`` is replaced by the secret."""
    if isinstance(value, dict):
        return {key: plant(item, secret) for key, item in value.items()}
    if isinstance(value, list):
        return [plant(item, secret) for item in value]
    return value.replace("{}", secret) if isinstance(value, str) else value


def _planted(row: dict[str, Any]) -> Planted:
    secret = "".join(row["secret"])
    return Planted(
        kind=row["kind"],
        value=plant(row["value"], secret),
        secret=secret,
        keep=tuple(row.get("keep", ())),
        must=row.get("level") != "should",
    )


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (HERE / name).read_text(encoding="utf-8").splitlines()]
