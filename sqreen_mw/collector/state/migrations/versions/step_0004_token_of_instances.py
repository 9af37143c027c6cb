"""Add the token that reports an instance, so that each token has its own limit."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"


def upgrade() -> None:
    """Add the column. Older rows have no token."""
    op.add_column("instances", sa.Column("token_id", sa.Text))
    op.create_index("ix_instances_token_id", "instances", ["token_id"])
