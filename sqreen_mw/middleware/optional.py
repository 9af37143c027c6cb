"""Imports of frameworks that an extra of the package installs."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec


@contextmanager
def require_extra(framework: str, *, package: str | None = None) -> Iterator[None]:
    """Import a framework inside this context.

    Args:
        framework: The name of its module, and of the extra that installs it.
        package: The package that installs it, if there is no extra.

    Raises:
        ModuleNotFoundError: The framework is not installed; the message contains the command. If
            only a part of it is missing, the error of the import is raised.
    """
    package = package or f"sqreen-mw[{framework}]"
    try:
        yield
    except ModuleNotFoundError as error:
        if find_spec(framework) is not None:
            raise
        advice = f'{framework} is not installed: pip install "{package}"'
        raise ModuleNotFoundError(advice, name=framework) from error
