"""The first tables."""

from __future__ import annotations

from alembic import op

from autoheal.integrations.database.schema import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create everything; later versions spell out what they change."""
    connection = op.get_bind()
    metadata.create_all(connection)
    if connection.dialect.name == "sqlite":
        op.execute("CREATE VIRTUAL TABLE fact_words USING fts5(fact_id UNINDEXED, statement)")
    else:
        op.execute("CREATE INDEX fact_words ON fact USING gin (to_tsvector('simple', statement))")


def downgrade() -> None:
    """Drop everything."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        op.execute("DROP TABLE fact_words")
    metadata.drop_all(connection)
