"""Allow tokens without an app, add their expiry and last use, and the collector's URL."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    """Change the table of tokens and create the one of the URL."""
    with op.batch_alter_table("tokens") as table:
        table.alter_column("app_id", existing_type=sa.Integer, nullable=True)
        table.add_column(sa.Column("expires_at", sa.BigInteger))
        table.add_column(sa.Column("used_at", sa.BigInteger))
    op.create_table("served_url", sa.Column("url", sa.Text, primary_key=True))
