"""The errors of sqreen_mw.

::

    SqreenError
    ├── ConfigurationError      a setting is wrong; the app or the collector does not start
    ├── SqreenUsageError        a call is wrong; raised with SQREEN_STRICT=1 only
    ├── MalformedBatchError     a batch, an event or an answer can't be read
    │   └── TooManyEventsError      a batch has too many events
    └── CollectorError          the collector can't do something
        ├── StoreError          a store can't be opened or does not answer in time
        └── RefusedError        a change is refused, such as a name that is taken
            └── TooManyAppsError    a token may not create another app
"""


class SqreenError(Exception):
    """The root of every error that sqreen_mw raises."""


class ConfigurationError(SqreenError):
    """A setting is wrong. The message names the setting and the fix."""


class SqreenUsageError(SqreenError):
    """A call is wrong. Raised into the app only with ``SQREEN_STRICT=1``."""


class MalformedBatchError(SqreenError):
    """JSON is not a valid batch, event or answer. The message contains the path of the fault."""


class TooManyEventsError(MalformedBatchError):
    """A batch has too many events."""


class CollectorError(SqreenError):
    """The collector can't do something that a user or an app wants."""


class StoreError(CollectorError):
    """A store can't be opened or written, or does not answer in time."""


class RefusedError(CollectorError):
    """The collector refuses a change, such as a name that is taken."""


class TooManyAppsError(RefusedError):
    """A token may not create another app."""
