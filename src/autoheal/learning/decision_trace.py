"""The decision-trace lesson: only what was net new against the graph, with its source."""

from __future__ import annotations

from collections.abc import Iterator

from autoheal.domain.approval import Decision
from autoheal.domain.fact import Fact, Method, NodeKind, Relation
from autoheal.domain.mitigation import MitigationState
from autoheal.domain.proposal import Proof, ProposalKind
from autoheal.graph.signature import class_of
from autoheal.learning.decision_page import Lesson, node, page
from autoheal.learning.lessons import Lessons, content_key
from autoheal.learning.material import Material, family_of
from autoheal.learning.proposing import Draft, Plan, body_of


def plan_decision(lessons: Lessons, material: Material) -> Plan | str:
    """A page with the facts that were absent, or the reason why there are none."""
    said = (*_words_of_people(lessons, material), *_answers(lessons, material))
    found = {lesson.triple: lesson for lesson in (*_facts(material), *said)}
    if not found:
        return "nothing reusable was established: no accepted cause, and no person said anything"
    new = [lesson for lesson in found.values() if not _known(lessons, material, lesson)]
    if not new:
        return f"all {len(found)} fact(s) of this incident were already known"
    content: dict[str, object] = {"facts": sorted("|".join(lesson.triple) for lesson in new)}
    key = content_key(ProposalKind.DECISION_TRACE, content)
    return Plan(key=key, write=lambda: _write(lessons, material, new, known=len(found) - len(new)))


def _facts(material: Material) -> Iterator[Lesson]:
    """What the next incident can use: how the failure shows, where it was seen, and what helped."""
    cause = material.cause
    if cause is None:
        return
    family = family_of(material)
    mode = node(NodeKind.FAILURE_MODE, family)
    cited = ", ".join(dict.fromkeys(i for c in cause.claims_for for i in c.evidence_ids)) or "no evidence"
    source = f"{material.incident.id}: {cited}"
    where = f"{cause.entity} can fail by {family}"
    service = node(NodeKind.SERVICE, cause.entity)
    yield Lesson(subject=mode, relation=Relation.APPLIES_TO, object=service, statement=where, source=source)
    for alert in material.alerts:
        rule = node(NodeKind.SYMPTOM, class_of(alert))
        shows = f"{family} shows as {rule.name}"
        yield Lesson(
            subject=mode, relation=Relation.MANIFESTS_AS, object=rule, statement=shows, source=source
        )
    if (helped := material.helped) is not None:
        action = node(NodeKind.ACTION, helped.action.kind)
        text = f"{helped.action.kind} ended {family}; verified as {helped.id}"
        yield Lesson(
            subject=mode, relation=Relation.MITIGATED_BY, object=action, statement=text, source=source
        )


def _words_of_people(lessons: Lessons, material: Material) -> Iterator[Lesson]:
    """What a person said when asked for a yes: the exception and its author."""
    for mitigation in material.mitigations:
        for approval in lessons.mitigations.approvals(mitigation.id):
            if not approval.note.strip():
                continue
            said = "approved" if approval.decision is Decision.APPROVED else "rejected"
            text = f"{approval.actor} {said} {mitigation.action}: {approval.note}"
            yield Lesson(
                subject=node(NodeKind.DECISION, approval.id),
                relation=Relation.DECIDED_IN,
                object=node(NodeKind.INCIDENT, material.incident.id),
                statement=text,
                source=f"{approval.actor} by {approval.channel}",
            )


def _answers(lessons: Lessons, material: Material) -> Iterator[Lesson]:
    """What an expert answered: theirs to confirm, by merging, before it is believed."""
    asked = lessons.questions.of_incident(material.incident.id) if lessons.questions else ()
    for question in asked:
        if question.answer is not None:
            yield Lesson(
                subject=node(NodeKind.DECISION, question.id),
                relation=Relation.DECIDED_IN,
                object=node(NodeKind.INCIDENT, material.incident.id),
                statement=f"{question.answered_by} answered: {question.answer}",
                source=f"{question.answered_by}, to be confirmed by them",
            )


def _known(lessons: Lessons, material: Material, lesson: Lesson) -> bool:
    """Whether the graph knew the fact when the incident opened."""
    subject, relation, target = lesson.triple
    opened = material.incident.opened_at
    before = lessons.graph.facts(subject=subject, relation=relation, object=target, known_at=opened)
    since = lessons.graph.facts(subject=subject, relation=relation, object=target)
    return bool(before) or any(_merged(fact) for fact in since)


def _merged(fact: Fact) -> bool:
    """Whether a person has confirmed it since."""
    return any(given.method is Method.HUMAN for given in fact.provenance)


def _contradictions(lessons: Lessons, material: Material) -> Iterator[str]:
    """Where this incident speaks against what is believed."""
    if material.cause is None:
        return
    mode = node(NodeKind.FAILURE_MODE, family_of(material))
    tried = {
        m.action.kind
        for m in material.mitigations
        if m.state in (MitigationState.UNDONE, MitigationState.FAILED)
    }
    for fact in lessons.graph.facts(subject=mode.urn, relation=Relation.MITIGATED_BY):
        believed = fact.object.rpartition("/")[2]
        if believed in tried:
            yield f"{fact.statement}: here {believed} did not help"


def _write(lessons: Lessons, material: Material, new: list[Lesson], *, known: int) -> Draft:
    incident_id = material.incident.id
    contradictions = list(_contradictions(lessons, material))
    text = page(
        incident_id=incident_id,
        title=material.incident.title,
        lessons=new,
        known=known,
        contradictions=contradictions,
    )
    title = f"Record what incident {incident_id} taught"
    branch = lessons.forge.commit(
        lessons.settings.context_repository,
        branch=f"autoheal/{incident_id.lower().replace('_', '-')}/decision",
        files={f"decisions/{incident_id}.md": text},
        message=title,
    )
    proof = Proof(
        summary=f"{len(new)} fact(s) that the graph did not hold before the incident, each with its source.",
        checks={
            "provenance": f"passed: {len(new)} of {len(new)} facts name evidence or a person",
            "novelty": f"passed: {len(new)} absent from the graph before, {known} left out as known",
            "contradictions": f"{len(contradictions)} listed",
        },
    )
    what = "\n".join(f"- {lesson.statement} ({lesson.source})" for lesson in new)
    why = "Only what was not known before; the next incident of the family starts from it."
    return Draft(
        title=title,
        body=body_of(why=why, what=what, proof=proof, material=material),
        branch=branch,
        proof=proof,
    )
