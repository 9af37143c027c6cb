"""What the doctor says of one thing."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Level: TypeAlias = Literal["fine", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A thing that was looked at, how it is, and what to do if it is not fine."""

    subject: str
    level: Level
    detail: str
