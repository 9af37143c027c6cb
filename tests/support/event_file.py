"""The file of events that the ``file://`` transport writes."""

import json
from pathlib import Path
from typing import Any


def written_events(file: Path) -> list[dict[str, Any]]:
    """Return the events in a file, or none if it does not exist yet."""
    lines = file.read_text().splitlines() if file.exists() else []
    return [json.loads(line) for line in lines]
