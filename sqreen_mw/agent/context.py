"""The context of the current request, shared by all its tasks and threads."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from pkgutil import resolve_name
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias

from msgspec import Struct

from sqreen_mw.agent.calls import AnyAgent, Calls
from sqreen_mw.app_errors import suppress_app_errors
from sqreen_mw.protocol.event import IdentitySource
from sqreen_mw.protocol.event_id import new_event_id
from sqreen_mw.protocol.limits import MAX_STATUS, MIN_STATUS

if TYPE_CHECKING:
    # import sqreen_mw does not need them.
    from sqreen_mw.capture.multipart_body import Dialect
    from sqreen_mw.capture.request import RawRequest
    from sqreen_mw.capture.request_body import BodyTee, RawBody


class SameWhenCopied:
    """An object that ``copy`` and ``deepcopy`` return unchanged.

    Apps and frameworks copy scopes, environs and requests, with the objects of ours in them.
    """

    __slots__ = ()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: object) -> Self:
        return self


Route: TypeAlias = tuple[str, Mapping[str, object]]
"""The template of a route, and the parameters of the path."""


class Identity(Struct, frozen=True, kw_only=True):
    """A user: copies of the identifiers and traits that the app gave.

    ``source`` is None for ``track(user_identifiers=...)``: the user of the request decides.
    """

    identifiers: dict[str, str | int]
    traits: dict[str, Any]
    source: IdentitySource | None = None


UserResolver: TypeAlias = Callable[[], Mapping[str, Any] | None]

UNKNOWN_YET: Final[Mapping[str, Any]] = MappingProxyType({})
"""What a ``UserResolver`` returns to be called again at the next event."""

ANONYMOUS: Final = Identity(identifiers={}, traits={})
"""The user of a request without an identified one."""


_SERVER_ERROR: Final = 500


class RequestContext(SameWhenCopied, Calls):
    """One request, until the last task that it started has ended.

    It is mutable, so that tasks and threads with copied contextvars share its changes. Subclasses
    add the ASGI or WSGI data. Factory functions set the attributes, because ``__init__`` is
    measurably slower on the request path.

    Attributes:
        agent: Handles the calls of the request.
        defers_events: Whether events are sealed only when the request ends.
        dialect: How the framework decodes forms.
        route_resolver: Returns the route, if neither scope nor environ contains it.
        user_resolver: Returns the identifiers of the user, None, or ``UNKNOWN_YET``.
        lacks_user: Whether ``user_resolver`` did not know the user of an event yet.
        identity: The user that was identified last, or None.
        identity_bytes: The approximate memory of ``identity``.
        first_identity: The user that was identified first, or None.
        held_bytes: The approximate memory that an event of this request keeps alive.
        needs_cleanup: Whether ``finish`` must call ``release``.
        has_snapshot: Whether ``snapshot`` was called.
        status: The status that the app sent, in the app's type.
        crashed: Whether the app raised after its response had started.
        wants_body: Whether an event contains the body.
        body: The part of the body that the app has read.
    """

    agent: AnyAgent
    dialect: "Dialect"

    # On the class, because most requests set few of them.
    _id: str | None = None
    body: "BodyTee | None" = None
    route_resolver: Callable[[], Route | None] | None = None
    user_resolver: UserResolver | None = None
    lacks_user: bool = False
    first_identity: Identity | None = None
    held_bytes: int = 0
    defers_events: bool = True
    needs_cleanup: bool = False
    identity: Identity | None = None
    identity_bytes: int = 0
    has_snapshot: bool = False
    status: object = None
    crashed: bool = False
    wants_body = False

    @property
    def id(self) -> str:
        """The id of the request, the same in all its events."""
        if self._id is None:
            self._id = new_event_id()
        return self._id

    def set_id(self, given: str) -> None:
        """Use the id of another context of the same request."""
        self._id = given

    @property
    def place(self) -> Mapping[str, Any]:
        """The scope or the environ of the request; empty after the request."""
        raise NotImplementedError

    def route(self) -> Route | None:
        """Return the route that the app has written into the scope or the environ, or None."""
        raise NotImplementedError

    def raw_request(self) -> "RawRequest":
        """Return the request's values. Any thread may call it, also after the request."""
        raise NotImplementedError

    def raw_body(self) -> "RawBody | None":
        """Return the part of the body that the app has read, or None."""
        raise NotImplementedError

    def set_body(self, tee: "BodyTee") -> None:
        """Use the body that a tee collects."""
        self.body = tee
        self.needs_cleanup = True

    def set_route_resolver(self, route_resolver: Callable[[], Route | None]) -> None:
        """Call ``route_resolver`` for the route, until the request ends."""
        self.route_resolver = route_resolver
        self.needs_cleanup = True

    def follow_inner(self, inner: "RequestContext") -> None:
        """Take the route and the dialect from a context on the inside of an adapter."""
        self.dialect = inner.dialect
        self.set_route_resolver(inner.route)

    def set_user_resolver(self, user_resolver: UserResolver) -> None:
        """Call ``user_resolver`` at the first event that needs the user, in the app's thread."""
        self.user_resolver = user_resolver
        self.needs_cleanup = True

    def take_user_resolver(self) -> UserResolver | None:
        """Remove and return the ``user_resolver``; only one thread gets it."""
        resolver: UserResolver | None = vars(self).pop("user_resolver", None)
        return resolver

    def finish(self) -> None:
        """Release the server's objects at the end of the request; keep what events need."""
        self.defers_events = False
        if self.needs_cleanup:
            self.release()

    def release(self) -> None:
        """Release the resolvers, and the body unless an event contains it."""
        self.needs_cleanup = False
        self.route_resolver = None
        self.user_resolver = None
        if not self.wants_body:
            self.body = None

    def resolved_route(self) -> Route | None:
        """Return the route from ``route_resolver``, or None."""
        resolve = self.route_resolver
        if resolve is None:
            return None
        with suppress_app_errors:
            return resolve()
        return None

    def status_code(self) -> int | None:
        """Return the status if it is valid (RFC 9110, section 15)."""
        status = self.status
        if isinstance(status, str):
            status = int(status[:3]) if status[:3].isdecimal() else None
        known = isinstance(status, int) and MIN_STATUS <= status <= MAX_STATUS
        return int(status) if known else None  # type: ignore[call-overload]  # known

    def record_crash(self, error: BaseException, *, started: bool) -> None:
        """Note that the app raised: the server answers 500, or breaks off a started response."""
        if not isinstance(error, Exception) or isinstance(error, StopIteration):
            return
        if started:
            self.crashed = True
        else:
            self.status = _SERVER_ERROR

    def finish_crashed(self, error: BaseException) -> None:
        """Finish a request whose app raised before its response had started."""
        self.record_crash(error, started=False)
        self.finish()

    def snapshot(self) -> None:
        """Keep values that may be gone when the event is sealed; each ``track()`` calls it."""
        self.has_snapshot = True

    def set_identity(self, identity: Identity, size: int) -> None:
        """Set the user, who needs ``size`` bytes, for the events of this request."""
        if self.first_identity is None:
            self.first_identity = identity
        self.identity = identity
        self.identity_bytes: int = size

    def call_context(self) -> "RequestContext":
        """Return this request, to which its calls belong."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Refer to the calls outside of requests: another process does not have this request."""
        return resolve_name, ("sqreen_mw.agent.api:_here",)


_current: Final[ContextVar[RequestContext | None]] = ContextVar("sqreen_mw_request", default=None)

# Methods of the variable itself, because a function of ours would cost each request more.

current_request: Final = _current.get
"""Returns the context of the current request, or None."""

set_current: Final = _current.set
"""Makes a request the current one. Returns a token for ``reset_current``."""

fast_reset: Final = _current.reset
"""Like ``reset_current``, if the caller cannot have moved to another context."""


def reset_current(token: Token[RequestContext | None]) -> None:
    """Make the previous request the current one again.

    A token of another context is ignored, as another thread may close a response; so is a token
    that was used before.
    """
    try:
        _current.reset(token)
    except (ValueError, RuntimeError):
        return


@contextmanager
def detached() -> Iterator[None]:
    """Start work that belongs to no request: ``with sqreen_mw.detached(): ...``.

    Tasks, threads and timers copy the context in which they start, and keep its request after the
    request has ended. Those that start inside the block, and calls inside it, have no request.
    """
    token = set_current(None)
    try:
        yield
    finally:
        reset_current(token)
