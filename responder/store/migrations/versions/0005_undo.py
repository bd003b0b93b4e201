"""What came of taking an action back."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("actions", sa.Column("undo", sa.String(20)))
    op.add_column("actions", sa.Column("undo_detail", sa.Text))
