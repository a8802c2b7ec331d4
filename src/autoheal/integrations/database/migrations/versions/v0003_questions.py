"""What people were asked."""

from __future__ import annotations

from alembic import op

from autoheal.integrations.database.schema import question

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table, unless the first version, which creates everything there is, already did."""
    question.create(op.get_bind(), checkfirst=True)


def downgrade() -> None:
    """Drop it."""
    question.drop(op.get_bind(), checkfirst=True)
