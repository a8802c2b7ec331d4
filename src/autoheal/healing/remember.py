"""What the graph keeps of a closed incident, and what its outcome means for the skill that was used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from autoheal.domain.alert import Alert
from autoheal.domain.fact import NodeKind, Relation, urn
from autoheal.domain.incident import Incident
from autoheal.domain.mitigation import MitigationState
from autoheal.graph.incidents import Circumstance, Lesson, addition
from autoheal.graph.signature import class_of, failure_family
from autoheal.healing.bring_back import credit_memory
from autoheal.healing.changes import change_of
from autoheal.healing.responder import Responder
from autoheal.healing.skill_credit import credit_skills
from autoheal.healing.triage import alerts_of
from autoheal.policy.untrusted import fit

_NAME = 120
"""Characters of an alert's name in what the graph says."""


def remember(responder: Responder, incident: Incident) -> Incident:
    """Write the incident into the graph; a cause only when a verified mitigation confirmed it."""
    lesson = accepted_cause(responder, incident)
    named = _named(responder, incident, lesson)
    alerts = alerts_of(responder, responder.alerts.group_of_incident(incident.id))
    symptoms = sorted({class_of(alert) for alert in alerts})
    around = [*_rules(incident, alerts), *_people(responder, incident)]
    now = responder.clock.now()
    added = addition(named, symptoms=symptoms, lesson=lesson, at=now, around=around)
    responder.graph.save_nodes(added.nodes)
    responder.graph.assert_facts(added.facts)
    _key(responder, named, [alert.fingerprint for alert in alerts], taught=lesson is not None)
    credit_skills(responder, named, lesson)
    credit_memory(responder, named, lesson)
    return named


def _rules(incident: Incident, alerts: Sequence[Alert]) -> Iterator[Circumstance]:
    for name in dict.fromkeys(alert.name for alert in alerts):
        said = f"{incident.id} was triggered by {fit(name, _NAME)}"
        yield Circumstance(
            relation=Relation.TRIGGERED_BY, kind=NodeKind.ALERT_RULE, name=name, statement=said
        )


def _people(responder: Responder, incident: Incident) -> Iterator[Circumstance]:
    """Who decided and who answered; what they wrote becomes knowledge only by a merge."""
    for mitigation in responder.mitigations.of_incident(incident.id):
        for approval in responder.mitigations.approvals(mitigation.id):
            said = f"{approval.actor} {approval.decision} {mitigation.action.kind} in {incident.id}"
            yield Circumstance(
                relation=Relation.APPROVED_BY, kind=NodeKind.PERSON, name=approval.actor, statement=said
            )
    asked = responder.questions.of_incident(incident.id) if responder.questions else ()
    for question in asked:
        if question.answered_by is not None:
            said = f"{question.answered_by} answered question {question.id} of {incident.id}"
            yield Circumstance(
                relation=Relation.ANSWERED_BY,
                kind=NodeKind.PERSON,
                name=question.answered_by,
                statement=said,
            )
    if incident.skill:
        said = f"{incident.id} was handled by {incident.skill}"
        yield Circumstance(
            relation=Relation.HANDLED_BY, kind=NodeKind.SKILL, name=incident.skill, statement=said
        )


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
