from pathlib import Path

from benchmarks.import_million import is_exact, run


def test_killed_import_stores_each_row_once(tmp_path: Path) -> None:
    """The benchmark with few rows and one kill finds exact numbers."""
    assert is_exact(run(tmp_path / "import", count=3000, kills=1))
