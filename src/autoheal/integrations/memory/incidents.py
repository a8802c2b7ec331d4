"""Incidents with their timeline, evidence, investigations and cost in dictionaries."""

from __future__ import annotations

import builtins
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from autoheal.domain.errors import NotFoundError
from autoheal.domain.evidence import Evidence, Row
from autoheal.domain.incident import Incident, IncidentState, TimelineEntry
from autoheal.domain.investigation import Investigation
from autoheal.domain.ledger import LedgerEntry


@dataclass(slots=True, kw_only=True)
class MemoryIncidents:
    """An IncidentStore."""

    _incidents: dict[str, Incident] = field(default_factory=dict)
    _timeline: dict[str, builtins.list[TimelineEntry]] = field(default_factory=lambda: defaultdict(list))
    _evidence: dict[str, tuple[Evidence, tuple[Row, ...]]] = field(default_factory=dict)
    _investigations: dict[str, Investigation] = field(default_factory=dict)
    _costs: builtins.list[LedgerEntry] = field(default_factory=list)

    def save(self, incident: Incident) -> None:
        """Insert or replace."""
        self._incidents[incident.id] = incident

    def get(self, incident_id: str) -> Incident:
        """One incident; raises NotFoundError."""
        if incident_id not in self._incidents:
            raise NotFoundError(f"no incident {incident_id}")
        return self._incidents[incident_id]

    def is_closed(self, incident_id: str) -> bool:
        """Whether the incident has ended."""
        return self.get(incident_id).state is IncidentState.CLOSED

    def list(self, *, limit: int = 100) -> Sequence[Incident]:
        """Newest first."""
        newest = sorted(self._incidents.values(), key=lambda incident: incident.opened_at, reverse=True)
        return newest[:limit]

    def add_timeline(self, incident_id: str, entry: TimelineEntry) -> None:
        """Append once."""
        if entry not in self._timeline[incident_id]:
            self._timeline[incident_id].append(entry)

    def timeline(self, incident_id: str) -> Sequence[TimelineEntry]:
        """In time order."""
        return sorted(self._timeline[incident_id], key=lambda entry: entry.at)

    def add_evidence(self, evidence: Evidence, rows: Sequence[Row]) -> None:
        """Store a query with its rows."""
        self._evidence[evidence.id] = (evidence, tuple(rows))

    def evidence(self, evidence_id: str) -> Evidence:
        """One query; raises NotFoundError."""
        return self._stored(evidence_id)[0]

    def evidence_of(self, incident_id: str) -> Sequence[Evidence]:
        """All queries of an incident."""
        return [evidence for evidence, _ in self._evidence.values() if evidence.incident_id == incident_id]

    def rows(self, evidence_id: str) -> Sequence[Row]:
        """The rows exactly as stored."""
        return self._stored(evidence_id)[1]

    def save_investigation(self, investigation: Investigation) -> None:
        """Insert or replace."""
        self._investigations[investigation.id] = investigation

    def investigations(self, incident_id: str) -> Sequence[Investigation]:
        """Attempts in order."""
        return [found for found in self._investigations.values() if found.incident_id == incident_id]

    def forget(self, incident_id: str) -> None:
        """Delete what was looked at and concluded."""
        self._timeline.pop(incident_id, None)
        for stored in [key for key, (one, _) in self._evidence.items() if one.incident_id == incident_id]:
            del self._evidence[stored]
        for kept in self.investigations(incident_id):
            del self._investigations[kept.id]

    def add_costs(self, entries: Iterable[LedgerEntry]) -> None:
        """Append to the ledger."""
        self._costs.extend(entries)

    def dollars_since(self, moment: datetime) -> float:
        """What the entries from that moment on cost."""
        return sum(entry.dollars for entry in self._costs if entry.at >= moment)

    def costs(self, incident_id: str | None = None) -> Sequence[LedgerEntry]:
        """Entries of one incident, or all."""
        return [entry for entry in self._costs if incident_id in (None, entry.incident_id)]

    def _stored(self, evidence_id: str) -> tuple[Evidence, tuple[Row, ...]]:
        if evidence_id not in self._evidence:
            raise NotFoundError(f"no evidence {evidence_id}")
        return self._evidence[evidence_id]
