"""Imports of frameworks that an extra of the package installs."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec


@contextmanager
def require_extra(framework: str) -> Iterator[None]:
    """Import a framework inside this context. The extra has the same name.

    Raises:
        ModuleNotFoundError: The framework is not installed; the message contains the command. If
            only a part of it is missing, the error of the import is raised.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if find_spec(framework) is not None:
            raise
        advice = f'{framework} is not installed: pip install "sqreen-mw[{framework}]"'
        raise ModuleNotFoundError(advice, name=framework) from error
