"""Incidents can be counted without reading them."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the index."""
    op.create_index("incidents_to_count", "incidents", ["state", "type", "service"])
