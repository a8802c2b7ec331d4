"""The one statement both databases spell alike but SQLAlchemy does not: insert or update."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def upsert(connection: Connection, table: Table, values: Mapping[str, object], *keys: str) -> None:
    """Insert the row, or replace it where the keys are already there."""
    upsert_all(connection, table, [values], *keys)


def upsert_all(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, object]], *keys: str
) -> None:
    """The same for many rows that name the same columns; no two of them have the same keys."""
    if rows:
        insert = _insert(connection, table)
        changed = {name: insert.excluded[name] for name in rows[0] if name not in keys}
        connection.execute(insert.on_conflict_do_update(index_elements=list(keys), set_=changed), list(rows))


def insert_once(connection: Connection, table: Table, values: Mapping[str, object]) -> bool:
    """Insert the row unless it is there by any unique key; false when it was."""
    insert = _insert(connection, table).values(**values).on_conflict_do_nothing()
    # Not rowcount: the PostgreSQL driver does not always know it.
    return connection.execute(insert.returning(*table.primary_key)).first() is not None


def insert_all(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert many rows, each unless it is there by any unique key."""
    if rows:
        connection.execute(_insert(connection, table).on_conflict_do_nothing(), list(rows))


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)
