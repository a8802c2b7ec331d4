"""Reads words back from a query that selects one column of bodies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import Select

from autoheal.integrations.database.codec import decode
from autoheal.integrations.database.connections import Connections

T = TypeVar("T")


def words(connections: Connections, word: type[T], query: Select[str]) -> Sequence[T]:
    """One word for each body, in the order of the query."""
    with connections.read() as connection:
        return [decode(word, body) for body in connection.execute(query).scalars()]
