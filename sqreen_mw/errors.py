"""The errors of sqreen_mw.

::

    SqreenError
    ├── ConfigurationError      a setting is wrong; the app or the collector does not start
    ├── SqreenUsageError        a call is wrong; raised with SQREEN_STRICT=1 only
    ├── MalformedBatchError     a batch, an event or an answer that can't be read
    └── CollectorError          the collector can't do what it was asked
        ├── StoreError          a store can't be opened, or does not answer in time
        └── RefusedError        a name that is taken, a role that is unknown
"""


class SqreenError(Exception):
    """The root of every error that sqreen_mw raises."""


class ConfigurationError(SqreenError):
    """A setting is wrong; the message names it and the fix."""


class SqreenUsageError(SqreenError):
    """A call is wrong; raised into the app only where ``SQREEN_STRICT=1`` asks for it."""


class MalformedBatchError(SqreenError):
    """JSON that is no batch, event or answer; the message has the path or byte of the fault."""


class CollectorError(SqreenError):
    """The collector can't do what it was asked."""


class StoreError(CollectorError):
    """A store can't be opened, can't be written, or does not answer in time."""


class RefusedError(CollectorError):
    """The collector's state does not admit the change, such as a name that is taken."""
