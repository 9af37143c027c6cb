"""What stands in the place of a secret."""

from typing import Final

MASK: Final = "<Redacted by Sqreen>"
