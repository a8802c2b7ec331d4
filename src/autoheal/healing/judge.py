"""A person judges a verdict: kept for good, the first wrong step named, and what rested on it corrected."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace

from pydantic import TypeAdapter

from autoheal.domain.decision_trace import DecisionTrace
from autoheal.domain.errors import ConflictError, NotFoundError
from autoheal.domain.fact import Fact, Method, Node, NodeKind, Provenance, Relation, urn
from autoheal.domain.incident import Incident
from autoheal.domain.investigation import VerdictKind
from autoheal.domain.judgment import Judgment, Misstep, Stage, Truth, Word
from autoheal.domain.skill import Skill
from autoheal.graph.calls import service_node
from autoheal.graph.skill_trust import Use, credit
from autoheal.healing.changes import changes_seen
from autoheal.healing.misstep import Record, first_misstep
from autoheal.healing.responder import Responder
from autoheal.healing.rules import expressions_now
from autoheal.healing.skill_credit import release_of
from autoheal.healing.theory import known_services
from autoheal.policy.untrusted import fit

JUDGED = "verdict.judged"
"""The kind of its record in the audit chain."""
_LEARNED = (Relation.CAUSED_BY, Relation.INSTANCE_OF)
_NAMED = 10
_JUDGMENT = TypeAdapter(Judgment)


def judge(responder: Responder, incident_id: str, word: Word) -> Judgment:
    """Keep the word and correct what rested on a wrong verdict; the last word on an incident counts.

    Raises ConflictError where there is nothing to judge or the verdict says just that, NotFoundError for a
    service or change that nobody knows.
    """
    incident = responder.incidents.get(incident_id)
    judgment = _judgment(responder, incident, word)
    body = {"judgment": asdict(judgment)}
    wasted = _wasted(responder, incident, judgment)
    with responder.whole():
        responder.audit.append(incident_id=incident_id, kind=JUDGED, actor=word.actor, body=body)
        _correct_graph(responder, incident, judgment)
        for skill, use in wasted:
            credit(responder.graph, skill, use, at=judgment.judged_at)
        cited = judgment.misstep.evidence_ids if judgment.misstep else ()
        responder.note(incident_id, "human", judgment.says, actor=word.actor, evidence=cited)
    return judgment


def judgments(records: Sequence[DecisionTrace]) -> dict[str, Judgment]:
    """The last word on each incident, by its id, out of records of the audit chain."""
    kept = [record for record in records if record.kind == JUDGED and not record.deleted]
    bodies = {record.incident_id: json.loads(record.body) for record in kept}
    return {key: _JUDGMENT.validate_python(body["judgment"]) for key, body in bodies.items()}


def _judgment(responder: Responder, incident: Incident, word: Word) -> Judgment:
    if not incident.settled:
        raise ConflictError(
            f"{incident.id} is {incident.state}: its verdict may still change; correct it instead"
        )
    investigations = responder.incidents.investigations(incident.id)
    if not investigations:
        raise ConflictError(f"{incident.id} has no investigation: there is no verdict to judge")
    last = investigations[-1]
    misstep = _misstep(responder, incident, word.truth) if word.truth else None
    if word.truth is None and last.verdict.kind is VerdictKind.INCONCLUSIVE:
        raise ConflictError(f"{incident.id} ended inconclusive: say what was really there")
    if word.truth is not None and misstep is None:
        raise ConflictError(f"the verdict of {incident.id} says just that: judge it as right")
    return Judgment(
        incident_id=incident.id,
        investigation_id=last.id,
        actor=word.actor,
        judged_at=responder.clock.now(),
        right=misstep is None,
        confidence=last.verdict.confidence.value,
        truth=word.truth,
        misstep=misstep,
        note=fit(word.note),
    )


def _misstep(responder: Responder, incident: Incident, truth: Truth) -> Misstep | None:
    _must_be_known(responder, incident, truth)
    evidence = responder.incidents.evidence_of(incident.id)
    seen = changes_seen(responder.incidents, incident.id)
    record = Record(
        investigations=responder.incidents.investigations(incident.id),
        evidence=evidence,
        entities={e.id: frozenset(row.entity for row in responder.incidents.rows(e.id)) for e in evidence},
        changes=frozenset(name for change in seen for name in (change.id, change.commit) if name),
    )
    return first_misstep(record, truth)


def _must_be_known(responder: Responder, incident: Incident, truth: Truth) -> None:
    """A name that was mistyped would enter the graph and the regression set for good."""
    known = known_services(responder, incident.id)
    if truth.entity is not None and truth.entity not in known:
        some = ", ".join(sorted(known)[:_NAMED])
        raise NotFoundError(f"no service {fit(truth.entity)} is known; there are {some or 'none'}")


def _correct_graph(responder: Responder, incident: Incident, judgment: Judgment) -> None:
    """The wrong cause is superseded by the stated one, which names it; a confirmed one gains a witness."""
    this = urn(NodeKind.INCIDENT, incident.id)
    believed = [f for relation in _LEARNED for f in responder.graph.facts(subject=this, relation=relation)]
    if judgment.right:
        for fact in believed:
            responder.graph.assert_fact(replace(fact, provenance=(_witness(judgment),)))
        return
    stated = _stated(responder, incident, judgment)
    for fact in believed:
        if stated is not None and fact.relation is Relation.CAUSED_BY:
            stated = responder.graph.supersede(fact.id, stated)
        else:
            responder.graph.retract(fact.id, judgment.judged_at)
    if stated is not None and not stated.supersedes:
        responder.graph.assert_fact(stated)


def _stated(responder: Responder, incident: Incident, judgment: Judgment) -> Fact | None:
    truth = judgment.truth
    if truth is None or truth.entity is None:
        return None
    cause = _cause_node(truth.entity, truth.change_id)
    this = Node(urn=urn(NodeKind.INCIDENT, incident.id), kind=NodeKind.INCIDENT, name=incident.id)
    responder.graph.save_nodes([this, cause])
    return Fact(
        id=f"fact:{incident.id}:{Relation.CAUSED_BY.lower()}:{judgment.judged_at.isoformat()}",
        subject=this.urn,
        relation=Relation.CAUSED_BY,
        object=cause.urn,
        statement=f"{incident.id} was caused by {truth}",
        recorded_at=judgment.judged_at,
        valid_from=incident.onset_at or incident.detected_at,
        provenance=(_witness(judgment),),
    )


def _cause_node(service: str, change_id: str | None) -> Node:
    if change_id is None:
        return service_node(service)
    return Node(urn=urn(NodeKind.CHANGE, change_id), kind=NodeKind.CHANGE, name=change_id)


def _witness(judgment: Judgment) -> Provenance:
    return Provenance(
        source=f"judgment:{judgment.incident_id}",
        method=Method.HUMAN,
        asserted_at=judgment.judged_at,
        actor=judgment.actor,
        reference=judgment.incident_id,
    )


def _wasted(responder: Responder, incident: Incident, judgment: Judgment) -> list[tuple[Skill, Use]]:
    """The use of a skill whose answer was wrong: it helped nobody, whatever its action seemed to do."""
    if judgment.misstep is None or judgment.misstep.stage is not Stage.RECALL:
        return []
    service = incident.service or ""
    use = Use(
        incident_id=incident.id,
        service=service,
        release=release_of(responder, service),
        rules=expressions_now(responder),
        good=False,
    )
    return [(skill, use) for skill in responder.skills.skills() if skill.reference == incident.skill]
