"""The one statement both databases spell alike but SQLAlchemy does not: insert or update."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache

from sqlalchemy import Connection, Double, Table, TextClause, text
from sqlalchemy.dialects import postgresql, sqlite

from autoheal.integrations.database.schema import storable


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
    """Insert many rows that name the same columns, each unless it is there by any unique key."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.execute(_insert(connection, table).on_conflict_do_nothing(), list(rows))
        return
    # All rows as one parameter, where the driver would send a message for each.
    plain = [{name: _plain(value) for name, value in row.items()} for row in rows]
    connection.execute(_all_at_once(table, tuple(rows[0])), {"rows": json.dumps(plain, ensure_ascii=False)})


def _plain(value: object) -> object:
    return storable(value) if isinstance(value, str) else value


@lru_cache
def _all_at_once(table: Table, names: tuple[str, ...]) -> TextClause:
    kinds = {name: "float8" if isinstance(table.c[name].type, Double) else "text" for name in names}
    typed = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
    listed = ", ".join(names)
    return text(
        f"INSERT INTO {table.name} ({listed}) SELECT {listed}"  # noqa: S608  our own names
        f" FROM json_to_recordset(CAST(:rows AS json)) AS given({typed}) ON CONFLICT DO NOTHING"
    )


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)
