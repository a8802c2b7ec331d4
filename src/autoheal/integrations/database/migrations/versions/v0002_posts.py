"""Where chat messages stand."""

from __future__ import annotations

from alembic import op

from autoheal.integrations.database.schema import post

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table, unless the first version, which creates everything there is, already did."""
    post.create(op.get_bind(), checkfirst=True)


def downgrade() -> None:
    """Drop it."""
    post.drop(op.get_bind(), checkfirst=True)
