"""The last look before acting: a symptom that went by itself needs no action and gives us no credit."""

from __future__ import annotations

from dataclasses import replace

from autoheal.domain.incident import Incident, IncidentEvent, IncidentState, Outcome
from autoheal.domain.mitigation import Mitigation, MitigationEvent, MitigationState
from autoheal.healing.responder import Responder
from autoheal.healing.symptom import recovered, unmeasured

RECOVERED = "recovered"


def last_look(responder: Responder, incident_id: str, mitigation_id: str) -> str:
    """Move on to acting, or call it off; returns the state, or `recovered` when it went by itself."""
    incident = responder.incidents.get(incident_id)
    if incident.state not in (IncidentState.DECIDING, IncidentState.AWAITING_APPROVAL):
        return RECOVERED if incident.state is IncidentState.MITIGATED else incident.state
    mitigation = responder.mitigations.get(mitigation_id)
    if recovered(responder, incident_id):
        with responder.whole():
            _call_off(responder, mitigation, "the symptom went before it was done")
            return recovered_alone(responder, incident)
    why_not = unmeasured(responder, incident_id)
    if why_not and mitigation.approvals_needed == 0:
        # With nobody at hand to judge it, an action whose effect cannot be measured is a leap in the dark.
        _call_off(responder, mitigation, f"its effect could not be judged: {why_not}")
        return incident.state
    return responder.move(incident, IncidentEvent.ACT).state


def _call_off(responder: Responder, mitigation: Mitigation, why: str) -> None:
    if mitigation.state is not MitigationState.APPROVED:
        return
    off = replace(mitigation.move(MitigationEvent.EXPIRE), result=why)
    with responder.whole():
        if responder.mitigations.transition(off, expected_state=mitigation.state):
            responder.note(mitigation.incident_id, "action", f"not carried out: {why}")


def recovered_alone(responder: Responder, incident: Incident) -> str:
    """End an incident whose symptom went before anything was done."""
    alone = replace(incident, outcome=Outcome.RECOVERED_ALONE, recovered_at=responder.clock.now())
    with responder.whole():
        responder.note(incident.id, "symptom", "the symptom went before anything was done: no credit to us")
        responder.move(alone, IncidentEvent.RECOVERED)
    return RECOVERED
