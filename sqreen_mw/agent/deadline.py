"""The one deadline of every kind of exit, and of a flush that names none."""

from typing import Final

CLOSE_SECONDS: Final = 2.0
