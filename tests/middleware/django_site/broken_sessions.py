"""A store of sessions whose database is down."""

from django.contrib.sessions.backends.base import SessionBase
from django.db import OperationalError


class SessionStore(SessionBase):
    """Fails when it loads a session."""

    def load(self) -> dict[str, object]:
        """Raise."""
        raise OperationalError("the database is down")

    async def aload(self) -> dict[str, object]:
        """Raise."""
        return self.load()
