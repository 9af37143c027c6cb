from tests.docs.pages import text_of
from tests.servers.table import table


def test_docs_contain_the_table() -> None:
    """docs/servers.md contains the table of our tests."""
    hint = "docs/servers.md differs: copy the output of `python -m tests.servers.table`"
    assert table() in text_of("docs/servers.md"), hint
