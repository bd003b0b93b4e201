"""Several responders on one database: who they are, and which of them began a step of an action."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the table and the column."""
    op.create_table(
        "instances",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("started_at", sa.Double(), nullable=False),
    )
    op.add_column("action_steps", sa.Column("begun_by", sa.String(64)))
