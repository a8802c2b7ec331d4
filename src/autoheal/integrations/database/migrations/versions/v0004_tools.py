"""What people said about the tools of foreign servers."""

from __future__ import annotations

from alembic import op

from autoheal.integrations.database.schema import tool

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the table, unless the first version, which creates everything there is, already did."""
    tool.create(op.get_bind(), checkfirst=True)


def downgrade() -> None:
    """Drop it."""
    tool.drop(op.get_bind(), checkfirst=True)
