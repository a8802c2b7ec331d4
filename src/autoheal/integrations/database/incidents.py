"""Incidents with their timeline, evidence, investigations and cost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import delete, select

from autoheal.domain.errors import NotFoundError
from autoheal.domain.evidence import Evidence, Row
from autoheal.domain.incident import Incident, TimelineEntry
from autoheal.domain.investigation import Investigation
from autoheal.domain.ledger import LedgerEntry
from autoheal.integrations.database import schema
from autoheal.integrations.database.codec import decode, encode, pack, unpack
from autoheal.integrations.database.connections import Connections
from autoheal.integrations.database.reading import words
from autoheal.integrations.database.writing import insert_once, upsert

_PAGE = 500
"""Ledger entries that are read at once."""


class DatabaseIncidents:
    """The IncidentStore on a database."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def save(self, incident: Incident) -> None:
        """Insert or replace by id."""
        values = {
            "id": incident.id,
            "at": incident.opened_at.timestamp(),
            "state": incident.state.value,
            "body": encode(incident),
        }
        with self._connections.write() as connection:
            upsert(connection, schema.incident, values, "id")

    def get(self, incident_id: str) -> Incident:
        """One incident."""
        query = select(schema.incident.c.body).where(schema.incident.c.id == incident_id)
        found = words(self._connections, Incident, query)
        if not found:
            raise NotFoundError(f"there is no incident {incident_id}; `autoheal incident list` names them")
        return found[0]

    def list(self, *, limit: int = 100) -> Sequence[Incident]:
        """Incidents, newest first."""
        table = schema.incident
        return words(
            self._connections, Incident, select(table.c.body).order_by(table.c.at.desc()).limit(limit)
        )

    def add_timeline(self, incident_id: str, entry: TimelineEntry) -> None:
        """Append once: what a repeated step adds again is kept once."""
        said = json.dumps([entry.kind, entry.text, entry.actor, entry.evidence])
        values = {
            "incident_id": incident_id,
            "key": hashlib.sha256(said.encode()).hexdigest(),
            "at": entry.at.timestamp(),
            "body": encode(entry),
        }
        with self._connections.write() as connection:
            insert_once(connection, schema.timeline, values)

    def timeline(self, incident_id: str) -> Sequence[TimelineEntry]:
        """Entries in time order."""
        table = schema.timeline
        query = select(table.c.body).where(table.c.incident_id == incident_id)
        return words(self._connections, TimelineEntry, query.order_by(table.c.at, table.c.sequence))

    def add_evidence(self, evidence: Evidence, rows: Sequence[Row]) -> None:
        """Store a query with its rows."""
        values = {
            "id": evidence.id,
            "incident_id": evidence.incident_id,
            "body": encode(evidence),
            "result": pack(rows),
        }
        with self._connections.write() as connection:
            connection.execute(schema.evidence.insert().values(**values))

    def evidence(self, evidence_id: str) -> Evidence:
        """One query."""
        found = words(
            self._connections,
            Evidence,
            select(schema.evidence.c.body).where(schema.evidence.c.id == evidence_id),
        )
        if not found:
            raise NotFoundError(f"there is no evidence {evidence_id}")
        return found[0]

    def evidence_of(self, incident_id: str) -> Sequence[Evidence]:
        """All queries of an incident in the order they were asked."""
        table = schema.evidence
        query = select(table.c.body).where(table.c.incident_id == incident_id).order_by(table.c.sequence)
        return words(self._connections, Evidence, query)

    def rows(self, evidence_id: str) -> Sequence[Row]:
        """The rows that came back."""
        query = select(schema.evidence.c.result).where(schema.evidence.c.id == evidence_id)
        with self._connections.read() as connection:
            data = connection.execute(query).scalar()
        if data is None:
            raise NotFoundError(f"there is no evidence {evidence_id}")
        return unpack(data)

    def save_investigation(self, investigation: Investigation) -> None:
        """Insert or replace by id."""
        values = {
            "id": investigation.id,
            "incident_id": investigation.incident_id,
            "at": investigation.started_at.timestamp(),
            "body": encode(investigation),
        }
        with self._connections.write() as connection:
            upsert(connection, schema.investigation, values, "id")

    def investigations(self, incident_id: str) -> Sequence[Investigation]:
        """Attempts in order."""
        table = schema.investigation
        query = select(table.c.body).where(table.c.incident_id == incident_id)
        return words(self._connections, Investigation, query.order_by(table.c.at, table.c.id))

    def forget(self, incident_id: str) -> None:
        """Delete what was looked at and concluded, and nothing else."""
        with self._connections.write() as connection:
            for table in (schema.investigation, schema.evidence, schema.timeline):
                connection.execute(delete(table).where(table.c.incident_id == incident_id))

    def add_costs(self, entries: Iterable[LedgerEntry]) -> None:
        """Append to the ledger."""
        rows = [{"incident_id": entry.incident_id, "body": encode(entry)} for entry in entries]
        if rows:
            with self._connections.write() as connection:
                connection.execute(schema.ledger.insert(), rows)

    def dollars_since(self, moment: datetime) -> float:
        """What the entries from that moment on cost, without reading the ledger before it.

        The ledger grows at its end: it is read backwards by its key, until a whole page is older.
        """
        total, below = 0.0, None
        while page := self._page(below):
            recent = [entry for _, entry in page if entry.at >= moment]
            total += sum(entry.dollars for entry in recent)
            if not recent:
                break
            below = page[-1][0]
        return total

    def _page(self, below: int | None) -> Sequence[tuple[int, LedgerEntry]]:
        table = schema.ledger
        query = select(table.c.sequence, table.c.body).order_by(table.c.sequence.desc()).limit(_PAGE)
        if below is not None:
            query = query.where(table.c.sequence < below)
        with self._connections.read() as connection:
            return [(row.sequence, decode(LedgerEntry, row.body)) for row in connection.execute(query)]

    def costs(self, incident_id: str | None = None) -> Sequence[LedgerEntry]:
        """Ledger entries of one incident, or all."""
        table = schema.ledger
        query = select(table.c.body).order_by(table.c.sequence)
        if incident_id is not None:
            query = query.where(table.c.incident_id == incident_id)
        return words(self._connections, LedgerEntry, query)
