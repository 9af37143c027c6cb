import re

from tests.docs.pages import ROOT, text_of


def test_each_row_names_a_test() -> None:
    """Every row of the page names tests, and each of them exists."""
    rows = [
        row
        for row in text_of("docs/process-exits.md").splitlines()
        if row.startswith("|") and not row.endswith("| Advice |") and "---" not in row
    ]
    existing = {
        name
        for path in ROOT.glob("tests/**/test_*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    assert rows
    for row in rows:
        named = re.findall(r"`(test_\w+)`", row)
        assert named, row
        assert not {*named} - existing
