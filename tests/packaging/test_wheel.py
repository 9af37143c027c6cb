"""The content of the wheel."""

from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

from tests.packaging.environments import ROOT

PACKAGE = "sqreen_mw/"
MODULE_OF_PLUGIN = "_sqreen_mw_pytest.py"


def files(folder: str) -> set[str]:
    """Return the files of the repository in a directory."""
    found = (path for path in (ROOT / folder).rglob("*") if path.is_file())
    return {str(path.relative_to(ROOT)) for path in found if path.parent.name != "__pycache__"}


def test_wheel_contains_the_package_only(wheel: Path) -> None:
    """Templates, migrations, ``py.typed``, examples and the plugin are included, tests are not."""
    with ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}

    examples = {PACKAGE + name for name in files("examples")}
    assert inside == files("sqreen_mw") | examples | {MODULE_OF_PLUGIN}
    assert PACKAGE + "py.typed" in inside


def test_metadata_is_complete(wheel: Path) -> None:
    """The metadata contains the licence, the Python version and the description."""
    with ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("/METADATA")]
        metadata = Parser().parsestr(archive.read(name).decode())

    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert set(metadata.get_all("Provides-Extra", [])) == {
        "collector",
        "demo",
        "django",
        "flask",
    }
