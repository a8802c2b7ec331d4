"""Who may come in, and the browsers they signed in with."""

from __future__ import annotations

from alembic import op

from autoheal.integrations.database.schema import person, session

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the tables, unless the first version, which creates everything there is, already did."""
    person.create(op.get_bind(), checkfirst=True)
    session.create(op.get_bind(), checkfirst=True)


def downgrade() -> None:
    """Drop them."""
    session.drop(op.get_bind(), checkfirst=True)
    person.drop(op.get_bind(), checkfirst=True)
