"""What a closed incident says of the skills that answered it, or that ran beside its investigation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from autoheal.domain.errors import NotFoundError, UnreachableError
from autoheal.domain.incident import Incident
from autoheal.domain.mitigation import Mitigation, MitigationState, VerificationResult
from autoheal.domain.skill import Skill
from autoheal.graph.incidents import Lesson
from autoheal.graph.skill_trust import Use, credit, live, node_of
from autoheal.healing.recall import Recalled
from autoheal.healing.responder import Responder
from autoheal.healing.rules import expressions_now

SHADOW = "skill.shadow"
"""The kind of its record in the audit chain."""


def live_skills(responder: Responder, rules: Mapping[str, str]) -> list[Skill]:
    """Every reviewed skill with the trust that it has earned for what stands now."""
    now = responder.clock.now()
    return [live(responder.graph, skill, now=now, rules=rules) for skill in responder.skills.skills()]


def release_of(responder: Responder, service: str) -> str:
    """What a service runs now; empty where nobody can say."""
    try:
        return responder.actuator.state(service).release
    except (NotFoundError, UnreachableError):
        return ""


def note_shadow(responder: Responder, incident_id: str, said: Recalled) -> None:
    """Write down what a skill would have said, before anybody knows the answer."""
    body = {"skill": said.skill.reference, "service": said.service, "action": str(said.mitigation or "")}
    responder.audit.append(incident_id=incident_id, kind=SHADOW, actor="autoheal", body=body)


def credit_skills(responder: Responder, incident: Incident, lesson: Lesson | None) -> None:
    """Count each judged use; what nobody judged (no outcome, no accepted cause) counts for nothing."""
    rules = expressions_now(responder)
    known = {skill.reference: skill for skill in responder.skills.skills()}
    uses = [*_answered(responder, incident), *_agreed(responder, incident, lesson)]
    for reference, service, result in uses:
        if reference not in known:
            continue
        use = Use(
            incident_id=incident.id,
            service=service,
            release=release_of(responder, service),
            rules=rules,
            good=result is VerificationResult.HELPED,
            harmful=result is VerificationResult.WORSE,
        )
        with responder.whole():  # a step may be repeated, and harm counts once
            if not _credited(responder, known[reference], incident):
                credit(responder.graph, known[reference], use, at=responder.clock.now())


def _credited(responder: Responder, skill: Skill, incident: Incident) -> bool:
    return any(of == incident.id for _, of, _ in responder.graph.uses(node_of(skill.name)))


def _answered(responder: Responder, incident: Incident) -> Iterator[tuple[str, str, VerificationResult]]:
    """The outcome of what the incident's skill proposed: the last one, where there were more."""
    found = [m for m in responder.mitigations.of_incident(incident.id) if m.skill == incident.skill]
    judged = [(m, result) for m in found if (result := _result(responder, m)) is not None]
    if incident.skill and judged:
        mitigation, result = judged[-1]
        yield incident.skill, mitigation.action.target, result


def _result(responder: Responder, mitigation: Mitigation) -> VerificationResult | None:
    """What verification said; a person's no counts as of no help."""
    verdict = responder.mitigations.verification(mitigation.id)
    if verdict is not None:
        return verdict.result
    return VerificationResult.STILL_FAILING if mitigation.state is MitigationState.REJECTED else None


def _agreed(
    responder: Responder, incident: Incident, lesson: Lesson | None
) -> Iterator[tuple[str, str, VerificationResult]]:
    """Whether those in the shadow would have blamed and done what was verified in the end."""
    if lesson is None or incident.skill:
        return
    truth = (lesson.hypothesis.entity, lesson.mitigation.action.kind.value)
    for record in responder.audit.records(incident.id, kind=SHADOW):
        if not record.deleted:
            body = json.loads(record.body)
            agreed = (body["service"], body["action"]) == truth
            result = VerificationResult.HELPED if agreed else VerificationResult.STILL_FAILING
            yield body["skill"], body["service"], result
