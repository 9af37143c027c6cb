"""The tables of the state database. Alembic migrations create them."""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    false,
)
from sqlalchemy import UniqueConstraint as Unique

metadata: Final = MetaData()

apps: Final = Table(
    "apps",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
)

environments: Final = Table(
    "environments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("app_id", ForeignKey("apps.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Unique("app_id", "name"),
)

tokens: Final = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("app_id", ForeignKey("apps.id", ondelete="CASCADE"), index=True),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Column("expires_at", BigInteger),
    Column("used_at", BigInteger),
)

served_url: Final = Table("served_url", metadata, Column("url", Text, primary_key=True))

users: Final = Table(
    "users",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("password_hash", Text),
    Column("created_at", BigInteger, nullable=False),
)

sessions: Final = Table(
    "sessions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("secret_hash", LargeBinary, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

login_links: Final = Table(
    "login_links",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("secret_hash", LargeBinary, nullable=False, unique=True),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("used_at", BigInteger),
    Column("reusable", Boolean, nullable=False, server_default=false()),
)

instances: Final = Table(
    "instances",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("app_id", ForeignKey("apps.id", ondelete="CASCADE"), nullable=False),
    Column("instance_id", Text, nullable=False),
    Column("token_id", Text, index=True),
    Column("env", Text, nullable=False),
    Column("release", Text),
    Column("sdk", Text, nullable=False),
    Column("python", Text),
    Column("host", Text),
    Column("pid", BigInteger),
    Column("started_at", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False, index=True),
    Column("clock_skew", BigInteger, nullable=False),
    Column("ended", Boolean, nullable=False),
    Column("tracked", BigInteger, nullable=False),
    Column("delivered", BigInteger, nullable=False),
    Column("waiting", BigInteger, nullable=False),
    Column("spooled", BigInteger, nullable=False),
    Column("replayed", BigInteger, nullable=False),
    Column("dropped", JSON, nullable=False),
    Column("misuse", JSON, nullable=False),
    Unique("app_id", "instance_id"),
)

samples: Final = Table(
    "samples",
    metadata,
    Column("instance", ForeignKey("instances.id", ondelete="CASCADE"), primary_key=True),
    Column("at", BigInteger, primary_key=True, index=True),
    Column("delivered", BigInteger, nullable=False),
    Column("lost", BigInteger, nullable=False),
    Column("waiting", BigInteger, nullable=False),
)

drops: Final = Table(
    "drops",
    metadata,
    Column("app_id", ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True),
    Column("env", Text, primary_key=True),
    Column("host", Text, primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("at", BigInteger, primary_key=True, index=True),
    Column("count", BigInteger, nullable=False),
)
