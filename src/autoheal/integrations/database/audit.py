"""The append-only hash chain of decision traces and effects."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select, text

from autoheal.domain.decision_trace import GENESIS, DecisionTrace, canonical, link
from autoheal.integrations.database import schema
from autoheal.integrations.database.connections import Connections

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
        now = self._now()
        content = canonical({**body, "incident": incident_id, "at": now.isoformat()})
        identifier = self._new_id("dt")
        table = schema.audit
        with self._connections.write() as connection:
            if not self._connections.sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CHAIN_LOCK})
            last = connection.execute(
                select(table.c.sequence, table.c.hash).order_by(table.c.sequence.desc()).limit(1)
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
            connection.execute(table.insert().values(**_row(record)))
        return record

    def records(self, incident_id: str | None = None) -> Sequence[DecisionTrace]:
        """Records in sequence."""
        table = schema.audit
        query = select(table).order_by(table.c.sequence)
        if incident_id is not None:
            query = query.where(table.c.incident_id == incident_id)
        with self._connections.read() as connection:
            rows = [row._mapping for row in connection.execute(query)]  # noqa: SLF001  documented access
        return [
            DecisionTrace(**{**row, "recorded_at": datetime.fromisoformat(row["recorded_at"])})
            for row in rows
        ]

    def verify(self) -> str | None:
        """None when the chain is intact, else which record is not and why."""
        previous, expected = GENESIS, 1
        for record in self.records():
            if record.sequence != expected:
                return f"record {expected} is missing: {record.id} has sequence {record.sequence}"
            if record.previous_hash != previous:
                return f"record {record.sequence} ({record.id}) does not follow the one before it"
            if not record.intact() or not _consistent(record):
                return f"record {record.sequence} ({record.id}) was changed after it was written"
            previous, expected = record.hash, expected + 1
        return None


def _consistent(record: DecisionTrace) -> bool:
    """Columns that only repeat what the hashed body says must still say the same."""
    body = json.loads(record.body)
    return (body["incident"], body["at"]) == (record.incident_id, record.recorded_at.isoformat())


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
