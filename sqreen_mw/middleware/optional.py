"""A framework that an extra of the package brings, and that is not there."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec


@contextmanager
def extra(framework: str) -> Iterator[None]:
    """Import a framework within, which the extra of its name brings.

    Raises:
        ModuleNotFoundError: It is not installed; the message says how to. Where it is, and a part
            of it is not, the error is the import's own.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if find_spec(framework) is not None:
            raise
        advice = f'{framework} is not installed: pip install "sqreen-mw[{framework}]"'
        raise ModuleNotFoundError(advice, name=framework) from error
