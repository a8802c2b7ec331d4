"""Indexes that answer what touches a node, newest first, without reading the facts themselves."""

from __future__ import annotations

from alembic import op

from autoheal.integrations.database.schema import fact

revision = "0005"
down_revision = "0004"

_OLD = {"fact_subject": "fact (subject, relation)", "fact_object": "fact (object, relation)"}
_NEW = ("fact_newest_subject", "fact_newest_object")


def upgrade() -> None:
    """Build them, unless the first version did; drop those that they and a unique key make needless."""
    for index in fact.indexes:
        if index.name in _NEW:
            index.create(op.get_bind(), checkfirst=True)
    for name in (*_OLD, "ix_assertion_fact_id"):
        op.execute(f"DROP INDEX IF EXISTS {name}")


def downgrade() -> None:
    """As it was."""
    for name in _NEW:
        op.execute(f"DROP INDEX IF EXISTS {name}")
    for name, columns in _OLD.items():
        op.execute(f"CREATE INDEX {name} ON {columns}")
    op.execute("CREATE INDEX ix_assertion_fact_id ON assertion (fact_id)")
