"""Allow tokens of any app, expiry of tokens, links that can be reused, and store the URL."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    """Change tokens and links, and create the table of the URL."""
    with op.batch_alter_table("tokens") as table:
        table.alter_column("app_id", existing_type=sa.Integer, nullable=True)
        table.add_column(sa.Column("expires_at", sa.BigInteger))
        table.add_column(sa.Column("used_at", sa.BigInteger))
    reusable = sa.Column("reusable", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("login_links", reusable)
    op.create_table("served_url", sa.Column("url", sa.Text, primary_key=True))
