"""What people mend in the graph, in rows: merges of nodes, and what a faulty extractor said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, update

from autoheal.domain.errors import ConflictError, NotFoundError
from autoheal.integrations.database import facts, schema
from autoheal.integrations.database.connections import Connections
from autoheal.integrations.database.merges import Merges, joined, read_all, row_of
from autoheal.integrations.database.writing import insert_once
from autoheal.ports.curation import Merge, Said

_SAID, _FACT, _EPISODE = schema.assertion.c, schema.fact.c, schema.episode.c
_MERGE = schema.node_merge.c
_STANDS = or_(_SAID.withdrawn_at.is_(None), _SAID.restored_at.is_not(None))
_WITHDRAWN = and_(_SAID.withdrawn_at.is_not(None), _SAID.restored_at.is_(None))


class DatabaseCuration:
    """The Curation on a database."""

    def __init__(self, connections: Connections, merges: Merges) -> None:
        self._connections = connections
        self._merges = merges

    # ------------------------------------------------------------ two names of one thing

    def merge(self, merge: Merge) -> None:
        """Read the source as the target from now on."""
        with self._connections.write() as connection:
            known = joined(read_all(connection), None)
            if known.one(merge.source) == known.one(merge.target):
                raise ConflictError(f"{merge.source} and {merge.target} are one already")
            if merge.source in known.target:
                raise ConflictError(f"{merge.source} is {known.one(merge.source)} already; unmerge it first")
            insert_once(connection, schema.node_merge, row_of(merge))
        self._merges.forget()

    def unmerge(self, source: str, *, at: datetime) -> Merge:
        """Two again."""
        with self._connections.write() as connection:
            open_ones = [m for m in read_all(connection) if m.source == source and m.undone_at is None]
            if not open_ones:
                raise NotFoundError(f"{source} is merged into nothing; `autoheal graph merges` names what is")
            where = and_(_MERGE.source == source, _MERGE.undone_at.is_(None))
            connection.execute(update(schema.node_merge).where(where).values(undone_at=at.isoformat()))
        self._merges.forget()
        return replace(open_ones[-1], undone_at=at)

    def merges(self) -> Sequence[Merge]:
        """All of them."""
        with self._connections.read() as connection:
            return read_all(connection)

    # ------------------------------------------------------------ what one extractor said

    def said_by(self, extractor: str, version: str = "") -> Said:
        """How much stands by its word."""
        mine = _by(extractor, version)
        with self._connections.read() as connection:
            return Said(
                episodes=_count(connection, select(_SAID.episode).where(mine, _STANDS).distinct()),
                assertions=_count(connection, select(_SAID.sequence).where(mine, _STANDS)),
                facts=_count(connection, select(_FACT.id).where(_of_nobody_else(mine))),
            )

    def withdraw(self, extractor: str, version: str = "", *, at: datetime) -> Said:
        """Take it all back at once."""
        before = self.said_by(extractor, version)
        with self._connections.write() as connection:
            mine, now = _by(extractor, version), at.timestamp()
            connection.execute(update(schema.fact).where(_of_nobody_else(mine)).values(retracted_at=now))
            connection.execute(
                update(schema.assertion).where(mine, _STANDS).values(withdrawn_at=now, restored_at=None)
            )
        return before

    def restore(self, extractor: str, version: str = "", *, at: datetime) -> Said:
        """What was retracted is believed anew under a new id, which names the old one."""
        mine = and_(_by(extractor, version), _WITHDRAWN)
        with self._connections.write() as connection:
            episodes = _count(connection, select(_SAID.episode).where(mine).distinct())
            query = (
                select(_FACT.id)
                .join(schema.assertion, _SAID.fact_id == _FACT.id)
                .where(mine, _FACT.retracted_at == _SAID.withdrawn_at)
            )
            gone = list(connection.execute(query.distinct()).scalars())
            back = update(schema.assertion).where(mine).values(restored_at=at.timestamp())
            assertions = connection.execute(back.returning(_SAID.sequence)).all()
            for start in range(0, len(gone), facts.BATCH):
                _believe_again(connection, gone[start : start + facts.BATCH], at)
        return Said(episodes=episodes, assertions=len(assertions), facts=len(gone))


def _by(extractor: str, version: str) -> ColumnElement[bool]:
    """Assertions of episodes that the extractor read."""
    said = [_EPISODE.extractor == extractor, *([_EPISODE.version == version] if version else [])]
    return _SAID.episode.in_(select(_EPISODE.id).where(*said))


def _of_nobody_else(mine: ColumnElement[bool]) -> ColumnElement[bool]:
    """Believed facts of which nothing would be left without these assertions."""
    of_mine = select(_SAID.fact_id).where(mine, _STANDS)
    others = select(_SAID.fact_id).where(
        _SAID.fact_id == _FACT.id, _STANDS, or_(_SAID.episode.is_(None), ~mine)
    )
    return and_(_FACT.retracted_at.is_(None), _FACT.id.in_(of_mine), ~others.correlate(schema.fact).exists())


def _believe_again(connection: Connection, ids: Sequence[str], at: datetime) -> None:
    again = [
        replace(
            fact,
            id=f"{fact.id}:restored:{at.isoformat()}",
            recorded_at=at,
            retracted_at=None,
            supersedes=fact.id,
            provenance=tuple(
                replace(said, withdrawn_at=None, restored_at=None)
                for said in fact.provenance
                if said.withdrawn_at is None or said.restored_at is not None
            ),
        )
        for fact in facts.archived(connection, ids).values()
    ]
    facts.believe(connection, again)


def _count(connection: Connection, query: Select[str] | Select[int] | Select[str | None]) -> int:
    found = connection.execute(select(func.count()).select_from(query.subquery()))
    return int(found.scalar() or 0)
