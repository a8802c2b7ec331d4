"""An index that answers what is believed of one relation."""

from __future__ import annotations

from alembic import op

from autoheal.integrations.database.schema import fact

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Build it, unless the first version did."""
    for index in fact.indexes:
        if index.name == "fact_relation":
            index.create(op.get_bind(), checkfirst=True)


def downgrade() -> None:
    """As it was."""
    op.execute("DROP INDEX IF EXISTS fact_relation")
