"""The last look before acting: a symptom that went by itself needs no action and gives us no credit."""

from __future__ import annotations

from dataclasses import replace

from autoheal.domain.incident import Incident, IncidentEvent, IncidentState, Outcome
from autoheal.domain.mitigation import MitigationEvent, MitigationState
from autoheal.healing.responder import Responder
from autoheal.healing.symptom import recovered

RECOVERED = "recovered"


def last_look(responder: Responder, incident_id: str, mitigation_id: str) -> str:
    """Move on to acting, or end the incident as recovered alone; returns the state or `recovered`."""
    incident = responder.incidents.get(incident_id)
    if incident.state not in (IncidentState.DECIDING, IncidentState.AWAITING_APPROVAL):
        return RECOVERED if incident.state is IncidentState.MITIGATED else incident.state
    if not recovered(responder, incident_id):
        return responder.move(incident, IncidentEvent.ACT).state
    mitigation = responder.mitigations.get(mitigation_id)
    with responder.whole():
        if mitigation.state is MitigationState.APPROVED:
            why = "the symptom went before it was done"
            off = replace(mitigation.move(MitigationEvent.EXPIRE), result=why)
            responder.mitigations.transition(off, expected_state=mitigation.state)
        return recovered_alone(responder, incident)


def recovered_alone(responder: Responder, incident: Incident) -> str:
    """End an incident whose symptom went before anything was done."""
    alone = replace(incident, outcome=Outcome.RECOVERED_ALONE, recovered_at=responder.clock.now())
    with responder.whole():
        responder.note(incident.id, "symptom", "the symptom went before anything was done: no credit to us")
        responder.move(alone, IncidentEvent.RECOVERED)
    return RECOVERED
