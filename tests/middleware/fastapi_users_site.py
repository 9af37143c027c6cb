"""An app with fastapi-users, and users in memory."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import jwt
from fastapi import FastAPI, Request
from fastapi.security import OAuth2PasswordRequestForm
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin, schemas
from fastapi_users.authentication import AuthenticationBackend, BearerTransport, JWTStrategy
from fastapi_users.db import BaseUserDatabase
from fastapi_users.jwt import decode_jwt
from starlette.datastructures import Headers

import sqreen_mw as sqreen

SECRET: Final = "of a test, and long enough for it"


@dataclass
class User:
    """An account."""

    email: str
    hashed_password: str
    is_active: bool = True
    is_superuser: bool = False
    is_verified: bool = False
    id: uuid.UUID = field(default_factory=uuid.uuid4)


class Users(BaseUserDatabase[User, uuid.UUID]):
    """The accounts."""

    def __init__(self) -> None:
        self._users: Final[dict[uuid.UUID, User]] = {}

    async def get(self, id: uuid.UUID) -> User | None:  # noqa: A002 the library's name
        """Return a user."""
        return self._users.get(id)

    async def get_by_email(self, email: str) -> User | None:
        """Return a user."""
        return next((user for user in self._users.values() if user.email == email), None)

    async def create(self, create_dict: dict[str, Any]) -> User:
        """Create a user."""
        user = User(**create_dict)
        self._users[user.id] = user
        return user


class Manager(UUIDIDMixin, BaseUserManager[User, uuid.UUID]):
    """Tracks logins and sign-ups."""

    async def on_after_register(self, user: User, request: Request | None = None) -> None:
        """Track the sign-up."""
        sqreen.signup_track(id=str(user.id))

    async def on_after_login(
        self, user: User, request: Request | None = None, response: Any = None
    ) -> None:
        """Track the login."""
        sqreen.auth_track(True, id=str(user.id))

    async def authenticate(self, credentials: OAuth2PasswordRequestForm) -> User | None:
        """Track a failed login."""
        user = await super().authenticate(credentials)
        if user is None:
            sqreen.auth_track(False, email=credentials.username)
        return user


def identify(scope: Any) -> Mapping[str, str] | None:
    """Return the user of the token, without a query."""
    token = Headers(scope=scope).get("Authorization", "").removeprefix("Bearer ")
    try:
        claims = decode_jwt(token, SECRET, audience=["fastapi-users:auth"])
    except jwt.PyJWTError:
        return None
    return {"id": claims["sub"]}


def make_app() -> FastAPI:
    """Create the app."""
    users = Users()
    backend = AuthenticationBackend[User, uuid.UUID](
        name="jwt",
        transport=BearerTransport(tokenUrl="login"),
        get_strategy=lambda: JWTStrategy(secret=SECRET, lifetime_seconds=3600),
    )
    library = FastAPIUsers[User, uuid.UUID](lambda: Manager(users), [backend])
    app = FastAPI()
    app.include_router(library.get_auth_router(backend))
    read, create = schemas.BaseUser[uuid.UUID], schemas.BaseUserCreate
    app.include_router(library.get_register_router(read, create))

    @app.get("/orders")
    def orders() -> list[str]:
        sqreen.track("orders.viewed")
        return []

    app.add_middleware(sqreen.SqreenMiddleware, identify=identify)
    return app
