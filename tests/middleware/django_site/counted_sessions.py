"""A store of sessions that counts its loads."""

from typing import Any, Final

from django.contrib.sessions.backends import db

loads: Final[list[str]] = []
"""The keys of the sessions that were loaded."""


class SessionStore(db.SessionStore):
    """Django's own store, with a count."""

    def load(self) -> dict[str, Any]:
        """Load a session."""
        loads.append(str(self.session_key))
        return super().load()

    async def aload(self) -> dict[str, Any]:
        """Load a session."""
        loads.append(str(self.session_key))
        return await super().aload()
