"""A single result of the doctor."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Level: TypeAlias = Literal["fine", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The subject of a check, its level, and a detail that names the fix if there is one."""

    subject: str
    level: Level
    detail: str
