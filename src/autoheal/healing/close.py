"""The end of a healing run: note the recovery, settle the books, and hand over to the learning run."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from autoheal.domain.incident import Incident, IncidentEvent, IncidentState, Outcome
from autoheal.domain.investigation import VerdictKind
from autoheal.domain.ledger import LedgerEntry
from autoheal.healing.remember import remember
from autoheal.healing.responder import Responder
from autoheal.healing.symptom import recovered
from autoheal.healing.verify import PENDING


def note_recovery(responder: Responder, incident_id: str) -> str:
    """For an incident in a person's hands: `pending` while it still hurts, then its new state."""
    incident = responder.incidents.get(incident_id)
    if incident.state is not IncidentState.ESCALATED:
        return incident.state
    if not recovered(responder, incident_id):
        return PENDING
    now = responder.clock.now()
    over = replace(incident, recovered_at=now, mitigated_at=now)
    with responder.whole():
        responder.note(incident_id, "symptom", "recovered while a person had it in hand")
        return responder.move(over, IncidentEvent.RECOVERED).state


def close(responder: Responder, incident_id: str) -> str:
    """Name the outcome, write what was learned about production, close; returns the state."""
    incident = responder.incidents.get(incident_id)
    if incident.state is IncidentState.CLOSED:
        return incident.state
    incident = remember(responder, _with_outcome(responder, incident))  # asks the world too
    with responder.whole():
        _book_wall_time(responder, incident)
        closed = replace(incident, closed_at=responder.clock.now())
        text = f"closed: {closed.outcome}{_took(closed)}"
        responder.note(incident_id, "decision", text)
        return responder.move(closed, IncidentEvent.CLOSE).state


def hand_over(responder: Responder, incident_id: str) -> str:
    """Start the learning run of a closed incident, once."""
    responder.runs.start("learn", incident_id)
    return "started"


def _with_outcome(responder: Responder, incident: Incident) -> Incident:
    if incident.state is IncidentState.INVESTIGATING and _called_noise(responder, incident.id):
        noise = replace(incident, outcome=Outcome.NOISE)
        return responder.move(noise, IncidentEvent.CALL_NOISE)
    if incident.state is IncidentState.MITIGATED and incident.outcome is None:
        return replace(incident, outcome=Outcome.MITIGATED_BY_US)
    return incident


def _called_noise(responder: Responder, incident_id: str) -> bool:
    investigations = responder.incidents.investigations(incident_id)
    return bool(investigations) and investigations[-1].verdict.kind is VerdictKind.NOISE


def _book_wall_time(responder: Responder, incident: Incident) -> None:
    now = responder.clock.now()
    wall = (now - incident.opened_at).total_seconds()
    entry = LedgerEntry(incident_id=incident.id, stage="heal", backend="autoheal", at=now, wall_seconds=wall)
    responder.incidents.add_costs([entry])


def _took(incident: Incident) -> str:
    began = incident.onset_at or incident.detected_at
    if began is None or incident.recovered_at is None:
        return ""
    return f"; {_seconds(began, incident.recovered_at):.0f} s from onset to recovery"


def _seconds(start: datetime, end: datetime) -> float:
    return max(end - start, timedelta()).total_seconds()
