"""The page of troubleshooting explains every line that the SDK can log."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.docs.pages import ROOT, text_of

PAGE = text_of("docs/troubleshooting.md")
PLACE = re.compile(r"%[.\d]*[a-z]|\{\}")
SPEAKS = {"warn", "report_misuse", "warning", "error", "debug", "_drop"}
OURS = ("agent", "capture", "middleware", "scrubbing", "protocol")


def texts(node: ast.AST) -> Iterator[str]:
    """Return the texts of an expression, with ``{}`` for the values of an f-string."""
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
        yield "".join(map(str, parts))
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in ast.iter_child_nodes(node):
        yield from texts(child)


def messages() -> set[str]:
    """Return the texts that are passed to a logger or a guard, directly or as ``message``."""
    found: set[str] = set()
    paths = [path for folder in OURS for path in (ROOT / "sqreen_mw" / folder).rglob("*.py")]
    for node in (node for path in paths for node in ast.walk(ast.parse(path.read_text()))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in SPEAKS:
                found.update(text for argument in node.args for text in texts(argument))
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "message":
            found.update(texts(node.value))
        elif isinstance(node, ast.FunctionDef) and node.name == "_notes":
            found.update(text for text in texts(node) if not text.endswith("."))
    return {text for text in found if " " in text}


def test_messages_are_found() -> None:
    """The search finds messages of each kind."""
    beginnings = ("%s: names that", "%d events are lost, %s", "sqreen_mw is off", "{} is no set")

    assert all(any(text.startswith(each) for text in messages()) for each in beginnings)


@pytest.mark.parametrize("message", sorted(messages()))
def test_message_is_explained(message: str) -> None:
    """The page has the longest constant part of a line."""
    piece = max(PLACE.split(message), key=len).strip(" :;,")

    assert piece in PAGE
