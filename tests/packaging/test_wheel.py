"""What is in the wheel."""

from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

from tests.packaging.environments import ROOT

PACKAGE = "sqreen_mw/"
MODULE_OF_PLUGIN = "_sqreen_mw_pytest.py"


def files(folder: str) -> set[str]:
    """Return the files that the repository has in a folder."""
    found = (path for path in (ROOT / folder).rglob("*") if path.is_file())
    return {str(path.relative_to(ROOT)) for path in found if path.parent.name != "__pycache__"}


def test_it_has_every_file_of_the_package_and_no_other(wheel: Path) -> None:
    """Templates, migrations, ``py.typed``, the examples and the plugin come along; no tests do."""
    with ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}

    examples = {PACKAGE + name for name in files("examples")}
    assert inside == files("sqreen_mw") | examples | {MODULE_OF_PLUGIN}
    assert PACKAGE + "py.typed" in inside


def test_its_metadata_is_whole(wheel: Path) -> None:
    """The wheel says its licence, the Python that it needs, and what it is, as text and pages."""
    with ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("/METADATA")]
        metadata = Parser().parsestr(archive.read(name).decode())

    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert set(metadata.get_all("Provides-Extra", [])) == {
        "cli",
        "collector",
        "demo",
        "django",
        "flask",
    }
