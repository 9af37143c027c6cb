"""The page of settings agrees with the code."""

import re
from pathlib import Path

import pytest

from sqreen_mw.agent.config.config import load_config
from sqreen_mw.cli.doctor.settings_list import original_table, settings_table

PAGE = (Path(__file__).parents[2] / "docs" / "settings.md").read_text()


def test_tables_agree_with_the_code() -> None:
    """The page contains the output of ``sqreen-mw doctor settings --markdown``."""
    assert settings_table() in PAGE
    assert original_table() in PAGE


def test_example_file_is_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example of a file is valid; its token comes from a variable."""
    [example] = re.findall(r"```ini\n(.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / "sqreen.ini").write_text(example.replace("   ", ""))
    monkeypatch.chdir(tmp_path)

    config = load_config(environ={"SQREEN_TOKEN": "sqm_1_abc"})

    assert (config.url, config.release) == ("https://sqreen.example.com", "1.2")
    assert bytes([192, 168, 0, 1]) in config.client_ip.trusted
