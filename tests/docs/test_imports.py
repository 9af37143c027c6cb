"""A page installs every package that its code imports."""

import ast
import re
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires

import pytest

from tests.docs.pages import PAGES, ROOT, blocks_of
from tests.support.optional import need

OURS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
_EXTRA = re.compile(r"""["']?\.\[(\w+)\]""")
_ITS_NAME = re.compile(r"[\w.-]+")
FOLLOWED = [page for page in PAGES if any(block.language == "sh" for block in blocks_of(page))]
"""Pages with shell commands."""


@pytest.mark.parametrize("page", FOLLOWED)
def test_a_page_installs_what_it_imports(page: str) -> None:
    """Each import comes from the SDK, its dependencies or a package that the page installs."""
    need(*_imported(page))
    there = _with_requirements({*map(_normal, OURS["dependencies"]), *_installed(page)})

    missing = {
        name
        for name in _imported(page)
        if there.isdisjoint(_normal(each) for each in _packages_of().get(name, [name]))
    }

    assert missing == set()


@cache
def _packages_of() -> Mapping[str, list[str]]:
    """Return the packages of each module; it reads the metadata of all packages."""
    return packages_distributions()


def _imported(page: str) -> set[str]:
    """Return the imported packages, without the standard library and the page's own files."""
    own = {(block.file or "").partition("/")[0].removesuffix(".py") for block in blocks_of(page)}
    names: set[str] = set()
    for block in blocks_of(page):
        for node in ast.walk(ast.parse(block.code if block.language == "python" else "")):
            if isinstance(node, ast.Import):
                names |= {each.name.partition(".")[0] for each in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(str(node.module).partition(".")[0])
    return names - own - sys.stdlib_module_names - {"sqreen_mw"}


def _installed(page: str) -> set[str]:
    """Return the packages that a page's commands install."""
    lines = [line for block in blocks_of(page) if block.language == "sh" for line in block.commands]
    words = [word for line in lines if line.startswith("pip install ") for word in line.split()[2:]]
    extras = [extra[1] for extra in map(_EXTRA.match, words) if extra]
    ours = [line for extra in extras for line in OURS["optional-dependencies"][extra]]
    return {_normal(word) for word in (*words, *ours) if word[:1].isalpha()}


def _with_requirements(names: set[str]) -> set[str]:
    """Return packages and their dependencies, without those of extras."""
    found: set[str] = set()
    while names:
        found |= names
        names = {each for name in names for each in _requirements(name)} - found
    return found


def _requirements(name: str) -> set[str]:
    try:
        lines = requires(name) or []
    except PackageNotFoundError:
        return set()
    return {_normal(line) for line in lines if "extra ==" not in line}


def _normal(requirement: str) -> str:
    """Return the name of a requirement, normalized by PEP 503."""
    name = _ITS_NAME.match(requirement)
    return re.sub(r"[-_.]+", "-", name[0]).lower() if name else ""
