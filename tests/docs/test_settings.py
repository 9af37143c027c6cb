"""The page of settings is that of the code."""

import re
from pathlib import Path

import pytest

from sqreen_mw.agent.config.config import load_config
from sqreen_mw.cli.doctor.settings import original_table, settings_table

PAGE = (Path(__file__).parents[2] / "docs" / "settings.md").read_text()


def test_the_tables_are_those_of_the_code() -> None:
    """What ``sqreen-mw doctor settings --markdown`` prints is on the page, word for word."""
    assert settings_table() in PAGE
    assert original_table() in PAGE


def test_the_file_of_the_page_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example is a file that holds, but for the token that it leaves to a variable."""
    [example] = re.findall(r"```ini\n(.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / "sqreen.ini").write_text(example.replace("   ", ""))
    monkeypatch.chdir(tmp_path)

    config = load_config(environ={"SQREEN_TOKEN": "sqm_1_abc"})

    assert (config.url, config.release) == ("https://sqreen.example.com", "1.2")
    assert bytes([192, 168, 0, 1]) in config.client_ip.trusted
