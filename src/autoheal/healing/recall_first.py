"""Ask memory before anything else; what it answers is recorded like any other investigation."""

from __future__ import annotations

from dataclasses import replace

from autoheal.domain.alert_group import AlertGroup
from autoheal.domain.incident import Incident, IncidentState
from autoheal.domain.investigation import (
    Confidence,
    HypothesisState,
    Investigation,
    Objection,
    Review,
    Verdict,
    VerdictKind,
)
from autoheal.graph.matchers import labels_of
from autoheal.graph.novelty import after_recall, novelty, precedents
from autoheal.graph.signature import class_of, incident_signature
from autoheal.graph.skill_trust import another_line, standing_of
from autoheal.graph.tried import failures, note_path
from autoheal.healing.bring_back import bring_back
from autoheal.healing.check_claims import objection_to
from autoheal.healing.investigate import keep
from autoheal.healing.recall import NotRecalled, Recalled, Situation, recall
from autoheal.healing.responder import Responder
from autoheal.healing.reviewed import state_after, turned_off
from autoheal.healing.rules import expressions_now
from autoheal.healing.skill_credit import live_skills, note_shadow, release_of
from autoheal.healing.skill_run import Moment
from autoheal.healing.stored import stored_evidence
from autoheal.healing.triage import alerts_of, known_calls


def recall_first(responder: Responder, incident_id: str) -> str:
    """`cause` when a skill's diagnosis holds on live evidence and its citations stand."""
    incident = responder.incidents.get(incident_id)
    stored = responder.incidents.investigations(incident_id)
    if stored or incident.state is not IncidentState.INVESTIGATING:
        return stored[0].verdict.kind if stored else VerdictKind.INCONCLUSIVE
    group = responder.alerts.group_of_incident(incident_id)
    situation = _situation(responder, incident, group)
    incident = replace(incident, signature=situation.signature)
    responder.incidents.save(incident)
    bring_back(responder, incident, group)
    skills = live_skills(responder, expressions_now(responder))
    failed = {s.name: failures(responder.graph, situation.signature, s.name) for s in skills}
    situation = replace(situation, failed=failed)
    gatherer = responder.gatherer.for_stage(incident_id, "recall")
    found = recall(situation, skills, gatherer, responder.settings)
    for step in found.path:
        responder.note(incident_id, "decision", step)
    incident = _with_novelty(responder, incident, group, found)
    _note_failed_paths(responder, incident, found)
    if isinstance(found, NotRecalled):
        for shadow in found.shadows:
            note_shadow(responder, incident_id, shadow)
        return VerdictKind.INCONCLUSIVE
    if moved := _another_line(responder, found):
        responder.note(incident_id, "decision", f"recall: {found.skill.reference} is not used: {moved}")
        note_shadow(responder, incident_id, found)
        return VerdictKind.INCONCLUSIVE
    return _record(responder, incident, found)


def _with_novelty(
    responder: Responder, incident: Incident, group: AlertGroup, found: Recalled | NotRecalled
) -> Incident:
    """How new it is, stored with the incident and told with its reason."""
    symptoms = {class_of(alert) for alert in alerts_of(responder, group)}
    known = novelty(symptoms, precedents(responder.graph, symptoms))
    recalled = found.skill.reference if isinstance(found, Recalled) else ""
    contradicted = found.contradicted if isinstance(found, NotRecalled) else ()
    new = after_recall(known, recalled=recalled, contradicted=contradicted)
    incident = replace(incident, novelty=new.score, novelty_reason=new.reason)
    responder.incidents.save(incident)
    responder.note(incident.id, "decision", f"novelty {new.score:.2f}: {new.reason}")
    return incident


def _note_failed_paths(responder: Responder, incident: Incident, found: Recalled | NotRecalled) -> None:
    """Whose diagnosis did not hold for these alerts is remembered, so that others are tried before it."""
    for reference in found.contradicted if isinstance(found, NotRecalled) else ():
        note_path(responder.graph, incident, reference, held=False, at=responder.clock.now())


def _another_line(responder: Responder, found: Recalled) -> str:
    standing = standing_of(responder.graph, found.skill)
    return another_line(standing, found.service, release_of(responder, found.service))


def _situation(responder: Responder, incident: Incident, group: AlertGroup) -> Situation:
    alerts = alerts_of(responder, group)
    now = responder.clock.now().timestamp()
    alerted = (incident.detected_at or incident.opened_at).timestamp()
    return Situation(
        incident_id=incident.id,
        alerts=[labels_of(alert) for alert in alerts],
        services=group.services,
        origin=group.origin,
        signature=incident_signature(alerts),
        calls=known_calls(responder, incident.id),
        moment=Moment(alerted=alerted, now=now),
    )


def _record(responder: Responder, incident: Incident, found: Recalled) -> str:
    now = responder.clock.now()
    on = responder.settings.review
    review = _review(responder, incident, found) if on else turned_off(found.hypothesis.id)
    verdict = _verdict(found, review)
    state = state_after(review) if review.holds else HypothesisState.UNTESTED
    refuted = "" if review.holds else "; ".join(o.text for o in review.objections if not o.passed)
    investigation = Investigation(
        id=f"{incident.id}.recall",
        incident_id=incident.id,
        attempt=0,
        started_at=now,
        ended_at=now,
        hypotheses=(replace(found.hypothesis, state=state, not_tested_because=refuted),),
        verdict=verdict,
        review=review,
        path=found.path,
    )
    with responder.whole():
        if review.holds:
            responder.incidents.save(replace(incident, skill=found.skill.reference))
        keep(responder, investigation)
    return verdict.kind


def _verdict(found: Recalled, review: Review) -> Verdict:
    reason = f"{found.skill.reference} ({found.skill.trust}) and its diagnosis holds now"
    if review.holds:
        confidence = Confidence(value=found.hypothesis.confidence, reason=reason)
        return Verdict(kind=VerdictKind.CAUSE, hypothesis_id=found.hypothesis.id, confidence=confidence)
    doubt = tuple(o.text for o in review.objections if not o.passed)
    return Verdict(
        kind=VerdictKind.INCONCLUSIVE,
        hypothesis_id=None,
        confidence=Confidence(value=0.0, reason="the recalled diagnosis did not stand"),
        missing=doubt,
    )


def _review(responder: Responder, incident: Incident, found: Recalled) -> Review:
    """Code checks every citation of a recalled diagnosis too; without a citation it does not stand."""
    evidence, rows = stored_evidence(responder, incident.id)
    problems = [
        problem
        for claim in found.hypothesis.claims_for
        if (problem := objection_to(claim, evidence, rows)) is not None
    ]
    if not found.hypothesis.claims_for:
        problems.append("the skill's diagnosis cites nothing")
    text = "; ".join(problems) or "each number follows from the stored rows"
    objection = Objection(test="citations", passed=not problems, text=text)
    return Review(
        reviewer="deterministic",
        hypothesis_id=found.hypothesis.id,
        objections=(objection,),
        completed=True,
    )
