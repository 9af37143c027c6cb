"""The pages of the documentation, and their blocks of code."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in DOCS.rglob("*.md"))

_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"# ([\w/]+\.py)\n")


@dataclass(frozen=True)
class Block:
    """A block of code and its language."""

    language: str
    code: str

    @property
    def file(self) -> str | None:
        """Return the file that the first line names, as in ``# main.py``."""
        match = _FILE.match(self.code)
        return match[1] if match else None

    @property
    def commands(self) -> list[str]:
        """Return the lines of a shell block, with continued lines joined."""
        joined = self.code.replace("\\\n", " ")
        return [line for line in joined.splitlines() if line and not line.startswith("#")]


def text_of(page: str) -> str:
    """Return the text of a page."""
    return (ROOT / page).read_text()


def blocks_of(page: str) -> list[Block]:
    """Return a page's blocks of code, in order."""
    return [
        Block(language, re.sub(f"^{indent}", "", code, flags=re.MULTILINE))
        for indent, language, code in _BLOCK.findall(text_of(page))
    ]


def all_text() -> str:
    """Return the text of the README, the contributing page and all pages."""
    return "\n".join(text_of(page) for page in ("README.md", "CONTRIBUTING.md", *PAGES))
