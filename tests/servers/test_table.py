from tests.docs.pages import text_of
from tests.servers.table import table


def test_the_docs_have_the_table() -> None:
    """The page of servers tells what each does at SIGTERM in the words of our tests."""
    hint = "docs/servers.md differs: put there what `python -m tests.servers.table` prints"
    assert table() in text_of("docs/servers.md"), hint
