"""Create app instances, their samples over time, and dropped events."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    """Create the tables of heartbeats."""
    op.create_table(
        "instances",
        sa.Column("id", sa.Integer, primary_key=True),
        _of("apps", "app_id"),
        sa.Column("instance_id", sa.Text, nullable=False),
        sa.Column("env", sa.Text, nullable=False),
        sa.Column("release", sa.Text),
        sa.Column("sdk", sa.Text, nullable=False),
        sa.Column("python", sa.Text),
        sa.Column("host", sa.Text),
        sa.Column("pid", sa.BigInteger),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("last_seen", sa.BigInteger, nullable=False, index=True),
        sa.Column("clock_skew", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.Boolean, nullable=False),
        sa.Column("tracked", sa.BigInteger, nullable=False),
        sa.Column("delivered", sa.BigInteger, nullable=False),
        sa.Column("waiting", sa.BigInteger, nullable=False),
        sa.Column("spooled", sa.BigInteger, nullable=False),
        sa.Column("replayed", sa.BigInteger, nullable=False),
        sa.Column("dropped", sa.JSON, nullable=False),
        sa.Column("misuse", sa.JSON, nullable=False),
        sa.UniqueConstraint("app_id", "instance_id"),
    )
    op.create_table(
        "samples",
        _of("instances", "instance", primary_key=True),
        sa.Column("at", sa.BigInteger, primary_key=True, index=True),
        sa.Column("delivered", sa.BigInteger, nullable=False),
        sa.Column("lost", sa.BigInteger, nullable=False),
        sa.Column("waiting", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "drops",
        _of("apps", "app_id", primary_key=True),
        sa.Column("env", sa.Text, primary_key=True),
        sa.Column("host", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, primary_key=True),
        sa.Column("at", sa.BigInteger, primary_key=True, index=True),
        sa.Column("count", sa.BigInteger, nullable=False),
    )


def _of(table: str, name: str, *, primary_key: bool = False) -> sa.Column[int]:
    key = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    return sa.Column(name, sa.Integer, key, primary_key=primary_key, nullable=False)
