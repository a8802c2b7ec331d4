"""Which chat messages stand where."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import delete, select, update

from autoheal.domain.errors import NotFoundError
from autoheal.domain.message import Post
from autoheal.integrations.database import schema
from autoheal.integrations.database.connections import Connections
from autoheal.integrations.database.writing import insert_once

_TABLE = schema.post


class DatabasePosts:
    """The PostStore on a database."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def claim(self, incident_id: str, key: str) -> bool:
        """Note that this is about to be done; false when it was noted before."""
        with self._connections.write() as connection:
            return insert_once(connection, _TABLE, {"incident_id": incident_id, "key": key, "place": ""})

    def release(self, incident_id: str, key: str) -> None:
        """Forget a claim, unless it is known where it stands."""
        claimed = (_TABLE.c.incident_id == incident_id) & (_TABLE.c.key == key) & (_TABLE.c.place == "")
        with self._connections.write() as connection:
            connection.execute(delete(_TABLE).where(claimed))

    def settle(self, post: Post) -> None:
        """Note where it stands."""
        mine = (_TABLE.c.incident_id == post.incident_id) & (_TABLE.c.key == post.key)
        with self._connections.write() as connection:
            connection.execute(update(_TABLE).where(mine).values(place=post.place))

    def of_incident(self, incident_id: str) -> Mapping[str, Post]:
        """Posts by key."""
        query = select(_TABLE.c.key, _TABLE.c.place).where(_TABLE.c.incident_id == incident_id)
        with self._connections.read() as connection:
            rows = connection.execute(query).all()
        return {key: Post(incident_id=incident_id, key=key, place=place) for key, place in rows}

    def incident_at(self, place: str) -> str:
        """The incident whose thread begins there."""
        query = select(_TABLE.c.incident_id).where(_TABLE.c.place == place).limit(1)
        with self._connections.read() as connection:
            found = connection.execute(query).scalar_one_or_none()
        if found is None:
            raise NotFoundError(f"no incident is told at {place[:80]}")
        return str(found)
