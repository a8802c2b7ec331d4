"""Who may come in: people, the digests of their tokens, and the browsers they signed in with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select

from autoheal.domain.person import Person, Session
from autoheal.integrations.database import schema
from autoheal.integrations.database.codec import decode, encode
from autoheal.integrations.database.connections import Connections
from autoheal.integrations.database.reading import words
from autoheal.integrations.database.writing import upsert

_PERSON, _SESSION = schema.person, schema.session


class DatabasePeople:
    """The PeopleStore on a database."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def list(self) -> Sequence[Person]:
        """Everybody, those removed as well, by name."""
        people = words(self._connections, Person, select(_PERSON.c.body))
        return sorted(people, key=lambda person: person.name)

    def save(self, person: Person) -> None:
        """Insert or replace by name; the token stays."""
        with self._connections.write() as connection:
            upsert(connection, _PERSON, {"name": person.name, "body": encode(person)}, "name")

    def give(self, name: str, digest: str | None) -> None:
        """Put the digest of a new token, or none, in the place of the old; ends every session of theirs."""
        with self._connections.write() as connection:
            connection.execute(_PERSON.update().where(_PERSON.c.name == name).values(token=digest))
            connection.execute(_SESSION.delete().where(_SESSION.c.name == name))

    def holder(self, digest: str) -> Person | None:
        """Whose token has this digest."""
        query = select(_PERSON.c.body).where(_PERSON.c.token == digest)
        return next(iter(words(self._connections, Person, query)), None)

    def begin(self, session: Session) -> None:
        """Remember a browser that signed in."""
        with self._connections.write() as connection:
            upsert(connection, _SESSION, _row(session), "digest")

    def session(self, digest: str) -> Session | None:
        """The signed-in browser whose secret has this digest."""
        query = select(_SESSION.c.body).where(_SESSION.c.digest == digest)
        return next(iter(words(self._connections, Session, query)), None)

    def seen(self, digest: str, at: datetime) -> None:
        """Note that it was used, unless it was ended meanwhile."""
        query = select(_SESSION.c.body).where(_SESSION.c.digest == digest)
        with self._connections.write() as connection:
            body = connection.execute(query).scalar()
            if body is not None:
                used = replace(decode(Session, body), seen_at=at)
                upsert(connection, _SESSION, _row(used), "digest")

    def end(self, digest: str) -> None:
        """Forget it."""
        with self._connections.write() as connection:
            connection.execute(_SESSION.delete().where(_SESSION.c.digest == digest))


def _row(session: Session) -> dict[str, object]:
    return {"digest": session.digest, "name": session.name, "body": encode(session)}
