"""What people are to be told, kept until they were."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "channel_notifications",
        sa.Column("incident_id", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=240), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("entered_at", sa.Double(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Double(), nullable=False),
        sa.Column("outcome", sa.String(length=20)),
        sa.Column("settled_at", sa.Double()),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"]),
        sa.PrimaryKeyConstraint("incident_id", "key", "channel"),
    )
    op.create_index("channel_notifications_due", "channel_notifications", ["channel", "outcome", "next_at"])
