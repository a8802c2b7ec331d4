"""The append-only hash chain of decision traces and effects."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Row, and_, select, text, update
from sqlalchemy.exc import DBAPIError

from autoheal.domain.decision_trace import DELETED, GENESIS, REDACTED, DecisionTrace, canonical, link
from autoheal.integrations.database import schema
from autoheal.integrations.database.connections import Connections
from autoheal.integrations.database.schema import storable

_TABLE = schema.audit
_CHAIN_LOCK = 0x63686169  # "chai": one advisory lock for everyone who appends on PostgreSQL


class DatabaseAudit:
    """The Audit on a database; appending is serial, so that two processes never fork the chain."""

    def __init__(
        self, connections: Connections, *, now: Callable[[], datetime], new_id: Callable[[str], str]
    ) -> None:
        self._connections = connections
        self._now = now
        self._new_id = new_id

    def append(self, *, incident_id: str, kind: str, actor: str, body: Mapping[str, object]) -> DecisionTrace:
        """Record and link to the record before."""
        with self._connections.write() as connection:
            return self._append(connection, incident_id=incident_id, kind=kind, actor=actor, body=body)

    def bury(self, *, incident_id: str, kinds: Collection[str], actor: str, reason: str) -> DecisionTrace:
        """Take out bodies; the tombstone, a record like any other, says what each record was."""
        ours = and_(_TABLE.c.incident_id == storable(incident_id), _TABLE.c.kind.in_(kinds))
        with self._connections.write() as connection:
            self._alone(connection)
            found = [_record(row) for row in connection.execute(select(_TABLE).where(ours))]
            buried = {str(record.sequence): _seal(record) for record in found}
            body = {"reason": reason, "records": buried}
            tombstone = self._append(
                connection, incident_id=incident_id, kind=DELETED, actor=actor, body=body
            )
            connection.execute(update(_TABLE).where(ours).values(body=REDACTED))
        return tombstone

    def _alone(self, connection: Connection) -> None:
        if not self._connections.sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CHAIN_LOCK})

    def _append(
        self, connection: Connection, *, incident_id: str, kind: str, actor: str, body: Mapping[str, object]
    ) -> DecisionTrace:
        now = self._now()
        incident_id, kind, actor = map(storable, (incident_id, kind, actor))
        content = storable(canonical({**body, "incident": incident_id, "at": now.isoformat()}))
        identifier = self._new_id("dt")
        self._alone(connection)
        last = connection.execute(
            select(_TABLE.c.sequence, _TABLE.c.hash).order_by(_TABLE.c.sequence.desc()).limit(1)
        ).first()
        sequence, previous = (last[0] + 1, last[1]) if last else (1, GENESIS)
        record = DecisionTrace(
            sequence=sequence,
            id=identifier,
            incident_id=incident_id,
            recorded_at=now,
            actor=actor,
            kind=kind,
            body=content,
            previous_hash=previous,
            hash=link(previous, identifier, kind, actor, content),
        )
        connection.execute(_TABLE.insert().values(**_row(record)))
        return record

    def records(self, incident_id: str | None = None, *, kind: str | None = None) -> Sequence[DecisionTrace]:
        """Records in sequence."""
        query = select(_TABLE).order_by(_TABLE.c.sequence)
        if incident_id is not None:
            query = query.where(_TABLE.c.incident_id == incident_id)
        if kind is not None:
            query = query.where(_TABLE.c.kind == kind)
        with self._connections.read() as connection:
            return [_record(row) for row in connection.execute(query)]

    def verify(self) -> str | None:
        """None when the chain is intact, else which record is not and why."""
        previous = GENESIS
        with self._connections.read() as connection:
            buried = _buried(connection)
            sequences = connection.execute(select(_TABLE.c.sequence).order_by(_TABLE.c.sequence)).scalars()
            for expected, sequence in enumerate(sequences.all(), start=1):
                if sequence != expected:
                    return f"record {expected} is missing: the next one has sequence {sequence}"
                fault, previous = _fault(connection, sequence, previous, buried)
                if fault:
                    return f"record {sequence} {fault}"
        return None


def _buried(connection: Connection) -> Mapping[tuple[str, str], int]:
    """Which records a tombstone vouches for, and its place in the chain, where it is checked in its turn."""
    rows = connection.execute(select(_TABLE.c.sequence, _TABLE.c.body).where(_TABLE.c.kind == DELETED))
    found: dict[tuple[str, str], int] = {}
    for place, body in rows:
        try:
            found |= dict.fromkeys(json.loads(body)["records"].items(), place)
        except (ValueError, KeyError, AttributeError, TypeError):
            continue  # a changed tombstone vouches for nothing, and is named in its turn
    return found


def _seal(record: DecisionTrace) -> str:
    """A digest of all that stays of a record without its body."""
    at = record.recorded_at.isoformat()
    return link(record.hash, record.id, record.incident_id, record.kind, record.actor, at)


def _fault(
    connection: Connection, sequence: int, previous: str, buried: Mapping[tuple[str, str], int]
) -> tuple[str | None, str]:
    """What is wrong with one record, and its hash for the next; changed bytes may not even be text."""
    try:
        row = connection.execute(select(_TABLE).where(_TABLE.c.sequence == sequence)).one()
        record = _record(row)
    except (DBAPIError, ValueError):
        return "was changed after it was written: it cannot be read", ""
    if record.previous_hash != previous:
        return f"({record.id}) does not follow the one before it", ""
    if record.deleted:
        vouched = buried.get((str(sequence), _seal(record)), 0) > sequence
        told = record.recorded_at.isoformat() == row.recorded_at
        return (
            (None, record.hash) if vouched and told else (f"({record.id}) was taken out without a word", "")
        )
    if not record.intact() or not _consistent(record, row.recorded_at):
        return f"({record.id}) was changed after it was written", ""
    return None, record.hash


def _record(row: Row[tuple[object, ...]]) -> DecisionTrace:
    found = row._mapping  # noqa: SLF001  SQLAlchemy's documented way to a row by column
    return DecisionTrace(**{**found, "recorded_at": datetime.fromisoformat(found["recorded_at"])})


def _consistent(record: DecisionTrace, recorded_at: str) -> bool:
    """Columns that only repeat what the hashed body says must still say the same, to the letter."""
    body = json.loads(record.body)
    return (body["incident"], body["at"]) == (record.incident_id, recorded_at)


def _row(record: DecisionTrace) -> dict[str, object]:
    return {
        "sequence": record.sequence,
        "id": record.id,
        "incident_id": record.incident_id,
        "recorded_at": record.recorded_at.isoformat(),
        "actor": record.actor,
        "kind": record.kind,
        "body": record.body,
        "previous_hash": record.previous_hash,
        "hash": record.hash,
    }
