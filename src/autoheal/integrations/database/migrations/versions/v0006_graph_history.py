"""Where assertions come from, nodes that turned out to be one, and what is believed of one relation."""

from __future__ import annotations

from alembic import op
from sqlalchemy import inspect

from autoheal.integrations.database.schema import assertion, episode, fact, node_merge

revision = "0006"
down_revision = "0005"

_INDEXES = (*fact.indexes, *assertion.indexes)
_NEW = ("fact_relation", "assertion_episode")
_COLUMNS = {"episode": "TEXT", "withdrawn_at": "DOUBLE PRECISION", "restored_at": "DOUBLE PRECISION"}


def upgrade() -> None:
    """Create them, unless the first version, which creates everything there is, already did."""
    connection = op.get_bind()
    there = {column["name"] for column in inspect(connection).get_columns("assertion")}
    for name, kind in _COLUMNS.items():
        if name not in there:
            op.execute(f"ALTER TABLE assertion ADD COLUMN {name} {kind}")
    for table in (episode, node_merge):
        table.create(connection, checkfirst=True)
    for index in _INDEXES:
        if index.name in _NEW:
            index.create(connection, checkfirst=True)


def downgrade() -> None:
    """As it was."""
    connection = op.get_bind()
    for name in _NEW:
        op.execute(f"DROP INDEX IF EXISTS {name}")
    for table in (node_merge, episode):
        table.drop(connection, checkfirst=True)
    for name in _COLUMNS:
        op.execute(f"ALTER TABLE assertion DROP COLUMN {name}")
