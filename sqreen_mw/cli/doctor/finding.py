"""A single result of the doctor."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

Level: TypeAlias = Literal["problem", "warning", "ok"]

LEVELS: Final[tuple[str, ...]] = get_args(Level)
"""All levels, the worst first."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The subject of a check, its level, and a detail that names the fix if there is one."""

    subject: str
    level: Level
    detail: str
