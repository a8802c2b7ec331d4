"""What people said about the tools of foreign servers."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from autoheal.domain.tool import Classification
from autoheal.integrations.database import schema
from autoheal.integrations.database.codec import encode
from autoheal.integrations.database.connections import Connections
from autoheal.integrations.database.reading import words
from autoheal.integrations.database.writing import upsert

_TABLE = schema.tool
_ALL = select(_TABLE.c.body).order_by(_TABLE.c.id)


class DatabaseTools:
    """The ToolStore on a database."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def save(self, classification: Classification) -> None:
        """Insert or replace by tool."""
        values = {"id": classification.tool_id, "body": encode(classification)}
        with self._connections.write() as connection:
            upsert(connection, _TABLE, values, "id")

    def get(self, tool_id: str) -> Classification | None:
        """The latest word, if any."""
        found = words(self._connections, Classification, _ALL.where(_TABLE.c.id == tool_id))
        return found[0] if found else None

    def list(self) -> Sequence[Classification]:
        """All, by tool."""
        return words(self._connections, Classification, _ALL)
