"""What the graph keeps of a closed incident, and what its outcome means for the skill that was used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from autoheal.domain.fact import NodeKind, urn
from autoheal.domain.incident import Incident
from autoheal.domain.mitigation import MitigationState
from autoheal.graph.incidents import Lesson, addition
from autoheal.graph.signature import class_of, failure_family
from autoheal.healing.bring_back import credit_memory
from autoheal.healing.changes import change_of
from autoheal.healing.responder import Responder
from autoheal.healing.skill_credit import credit_skills
from autoheal.healing.triage import alerts_of


def remember(responder: Responder, incident: Incident) -> Incident:
    """Write the incident into the graph; a cause only when a verified mitigation confirmed it."""
    lesson = accepted_cause(responder, incident)
    named = _named(responder, incident, lesson)
    alerts = alerts_of(responder, responder.alerts.group_of_incident(incident.id))
    symptoms = sorted({class_of(alert) for alert in alerts})
    added = addition(named, symptoms=symptoms, lesson=lesson, at=responder.clock.now())
    for node in added.nodes:
        responder.graph.save_node(node)
    for fact in added.facts:
        responder.graph.assert_fact(fact)
    _key(responder, named, [alert.fingerprint for alert in alerts], taught=lesson is not None)
    credit_skills(responder, named, lesson)
    credit_memory(responder, named, lesson)
    return named


def _key(responder: Responder, incident: Incident, fingerprints: Sequence[str], *, taught: bool) -> None:
    """What the next like incident is found by; one that taught is not hidden by one that did not."""
    keys = [("signature", incident.signature), *(("fingerprint", each) for each in fingerprints)]
    for scheme, value in keys:
        if value and (taught or responder.graph.resolve(scheme, value) is None):
            responder.graph.add_alias(scheme, value, urn(NodeKind.INCIDENT, incident.id))


def accepted_cause(responder: Responder, incident: Incident) -> Lesson | None:
    """The cause that a verified mitigation confirmed; nothing that was only believed."""
    for mitigation in responder.mitigations.of_incident(incident.id):
        if mitigation.state is not MitigationState.VERIFIED:
            continue
        for investigation in responder.incidents.investigations(incident.id):
            confirmed = [h for h in investigation.hypotheses if h.id == mitigation.hypothesis_id]
            if confirmed:
                change = change_of(responder.incidents, incident.id, confirmed[0].change_id)
                return Lesson(
                    hypothesis=confirmed[0],
                    investigation_id=investigation.id,
                    change=change,
                    mitigation=mitigation,
                )
    return None


def _named(responder: Responder, incident: Incident, lesson: Lesson | None) -> Incident:
    """With its family: of the confirmed cause, else of the one that was last believed."""
    if lesson is not None:
        family = failure_family(lesson.hypothesis, lesson.change)
        return replace(incident, family=family, service=lesson.hypothesis.entity)
    investigations = responder.incidents.investigations(incident.id)
    leading = investigations[-1].leading if investigations else None
    if leading is None:
        return replace(incident, family=str(incident.outcome or ""))
    change = change_of(responder.incidents, incident.id, leading.change_id)
    return replace(incident, family=failure_family(leading, change))
