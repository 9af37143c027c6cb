"""``sqreen-mw doctor settings``: the list of all settings."""

import argparse

from sqreen_mw.agent.config.settings_table import LEGACY_SETTINGS, PREFIX, SETTINGS, Setting
from sqreen_mw.cli.doctor.terminal import columns, styled


def print_settings(given: argparse.Namespace) -> int:
    """List all settings of the SDK with their defaults."""
    print(f"{settings_table()}\n\n{original_table()}" if given.markdown else _as_text())
    return 0


def _as_text() -> str:
    rows = []
    for setting in SETTINGS.values():
        name = f"{setting.name} (keyword)" if setting.keyword_only else setting.variable
        about = f"{setting.about}. {setting.kind}; default: {setting.default}"
        rows.append((styled(name, "bold"), about.replace("`", "")))
    return columns(rows)


def settings_table() -> str:
    """Return the settings as a Markdown table."""
    rows = [
        ["Keyword", "Variable", "Value", "Default", "Effect"],
        ["---"] * 5,
        *([f"`{s.name}`", _variable(s), s.kind, s.default, s.about] for s in SETTINGS.values()),
    ]
    return _lines(rows)


def original_table() -> str:
    """Return the original Sqreen's settings and their replacements as a Markdown table."""
    rows = [["Setting of the original", "Replacement"], ["---"] * 2]
    rows += [[f"`{PREFIX}{name.upper()}`", instead] for name, instead in LEGACY_SETTINGS.items()]
    return _lines(rows)


def _variable(setting: Setting) -> str:
    return "none" if setting.keyword_only else f"`{setting.variable}`"


def _lines(rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
