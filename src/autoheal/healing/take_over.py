"""What a dead run left: a person is paged, nothing of it stays under way, and its end is still noted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from autoheal.domain.incident import IncidentState
from autoheal.domain.mitigation import MitigationEvent, MitigationState
from autoheal.healing.close import close, hand_over, note_recovery
from autoheal.healing.escalate import escalate
from autoheal.healing.responder import Responder
from autoheal.healing.verify import PENDING

_S, _E = MitigationState, MitigationEvent
_WHY = "its healing run died and will not go on by itself"
_LEFT: Mapping[MitigationState, MitigationEvent] = MappingProxyType(
    {
        _S.PROPOSED: _E.EXPIRE,
        _S.APPROVED: _E.EXPIRE,
        _S.INTENDED: _E.LOSE_TRACK,
        _S.EXECUTED: _E.FAIL,
        _S.UNDOING: _E.LOSE_TRACK,
    }
)
"""What becomes of a mitigation that nobody carries on: what was not sent never is, what was is a person's."""


def take_over(responder: Responder, incident_id: str) -> str:
    """Page a person once for an incident whose run is dead, and close it when it is over; its state."""
    incident = responder.incidents.get(incident_id)
    if incident.state is IncidentState.CLOSED:
        return incident.state
    left = _let_go(responder, incident_id)
    escalate(responder, incident_id, f"{_WHY}{left}")
    if responder.alerts.group_of_incident(incident_id).firing:
        return IncidentState.ESCALATED  # looked at every few seconds: telemetry is asked only at the end
    if note_recovery(responder, incident_id) == PENDING:
        return IncidentState.ESCALATED
    state = close(responder, incident_id)
    hand_over(responder, incident_id)
    return state


def _let_go(responder: Responder, incident_id: str) -> str:
    """End what was under way without touching production; what a person must know of it."""
    told = ""
    for mitigation in responder.mitigations.of_incident(incident_id):
        event = _LEFT.get(mitigation.state)
        if event is None:
            continue
        ended = replace(mitigation.move(event), result=f"{_WHY}; it was {mitigation.state}")
        with responder.whole():
            if responder.mitigations.transition(ended, expected_state=mitigation.state):
                text = f"{mitigation.action} was {mitigation.state}, is now {ended.state}: {_WHY}"
                responder.note(incident_id, "action", text)
        told += f"; {mitigation.action} was {mitigation.state}: look at {mitigation.action.target} first"
    return told
