"""Bring in a person: page with the facts, and say on the incident why."""

from __future__ import annotations

from dataclasses import replace

from autoheal.domain.errors import WorldError
from autoheal.domain.incident import Incident, IncidentEvent, IncidentState, Outcome
from autoheal.domain.investigation import Investigation
from autoheal.domain.ledger import LedgerEntry
from autoheal.healing.responder import Responder
from autoheal.policy.untrusted import PAGE, fit

_SHOWN = 3


def escalate(responder: Responder, incident_id: str, why: str) -> str:
    """Page a person once and keep the reason; returns the incident's state."""
    incident = responder.incidents.get(incident_id)
    if incident.settled:
        return incident.state
    investigations = responder.incidents.investigations(incident_id)
    text = page_text(incident, investigations[-1] if investigations else None, why)
    try:
        responder.pager.page(incident_id=incident_id, text=text, at=responder.clock.now())
    except WorldError as error:
        responder.note(incident_id, "human", f"the page could not be delivered: {error}")
    escalated = replace(incident, escalation=why, outcome=Outcome.ESCALATED)
    if incident.state is IncidentState.OPEN:
        escalated = escalated.move(IncidentEvent.INVESTIGATE)
    with responder.whole():
        responder.note(incident_id, "human", f"handed to a person: {why}")
        _count_the_question(responder, incident_id)
        return responder.move(escalated, IncidentEvent.ESCALATE).state


def page_text(incident: Incident, investigation: Investigation | None, why: str) -> str:
    """What a person needs at three in the morning: what hurts, what we think, what we did not do and why."""
    lines = [f"[{incident.severity}] {incident.title}", incident.impact, f"Why you: {why}."]
    shown = investigation.hypotheses[:_SHOWN] if investigation else ()
    lines += [f"- {h.statement} (confidence {h.confidence:.2f}, {h.state})" for h in shown]
    if investigation and investigation.verdict.missing:
        lines.append(f"Missing: {'; '.join(investigation.verdict.missing)}")
    return fit("\n".join(line for line in lines if line), PAGE)


def _count_the_question(responder: Responder, incident_id: str) -> None:
    now = responder.clock.now()
    cost = LedgerEntry(incident_id=incident_id, stage="escalate", backend="expert", at=now, questions=1)
    responder.incidents.add_costs([cost])
