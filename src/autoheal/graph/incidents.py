"""What a closed incident adds to the graph: what it touched, and its cause only if accepted. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from autoheal.domain.change import Change
from autoheal.domain.fact import Fact, Method, Node, NodeKind, Provenance, Relation, urn
from autoheal.domain.incident import Incident
from autoheal.domain.investigation import Hypothesis
from autoheal.domain.mitigation import Mitigation
from autoheal.graph.calls import service_node


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """An accepted cause: the hypothesis that a verified mitigation confirmed, in which investigation."""

    hypothesis: Hypothesis
    investigation_id: str
    change: Change | None
    mitigation: Mitigation


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstance:
    """What an incident had to do with: a rule that fired, a person who decided, a skill that answered."""

    relation: Relation
    kind: NodeKind
    name: str
    statement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """Nodes and facts to write; nodes first."""

    nodes: tuple[Node, ...]
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scribe:
    incident: Incident
    source: str
    at: datetime

    def fact(self, subject: Node, relation: Relation, target: Node, statement: str) -> Fact:
        provenance = Provenance(
            source=self.source,
            method=Method.DERIVED,
            asserted_at=self.at,
            actor="autoheal",
            reference=self.incident.id,
            extractor="incident@1",
        )
        return Fact(
            id=f"fact:{self.incident.id}:{relation.lower()}:{target.urn}",
            subject=subject.urn,
            relation=relation,
            object=target.urn,
            statement=statement,
            recorded_at=self.at,
            valid_from=self.incident.onset_at or self.incident.detected_at,
            provenance=(provenance,),
        )


def addition(
    incident: Incident,
    *,
    symptoms: Sequence[str],
    lesson: Lesson | None,
    at: datetime,
    around: Sequence[Circumstance] = (),
) -> Addition:
    """The incident with its symptoms and services; symptom, cause and resolution only with a lesson."""
    scribe = _Scribe(incident=incident, source=f"incident:{incident.id}", at=at)
    this = Node(
        urn=urn(NodeKind.INCIDENT, incident.id),
        kind=NodeKind.INCIDENT,
        name=incident.id,
        title=incident.title,
        attributes={"outcome": str(incident.outcome or ""), "family": incident.family},
    )
    shown = [_node(NodeKind.SYMPTOM, name) for name in symptoms]
    touched = [service_node(name) for name in incident.services]
    facts = [scribe.fact(this, Relation.SHOWED, s, f"{incident.id} showed {s.name}") for s in shown]
    facts += [scribe.fact(this, Relation.AFFECTED, t, f"{incident.id} affected {t.name}") for t in touched]
    nodes = [this, *shown, *touched]
    for each in around:
        other = _node(each.kind, each.name)
        nodes.append(other)
        facts.append(scribe.fact(this, each.relation, other, each.statement))
    if lesson is not None:
        learned = _learned(scribe, this, shown, lesson)
        nodes += learned.nodes
        facts += learned.facts
    return Addition(nodes=tuple(nodes), facts=tuple(facts))


def _learned(scribe: _Scribe, this: Node, shown: Sequence[Node], lesson: Lesson) -> Addition:
    found = _Scribe(incident=scribe.incident, source=f"investigation:{lesson.investigation_id}", at=scribe.at)
    origin = service_node(lesson.hypothesis.entity)
    mode = _node(NodeKind.FAILURE_MODE, scribe.incident.family or lesson.hypothesis.mechanism)
    action = _node(NodeKind.ACTION, lesson.mitigation.action.kind)
    cause = _cause_node(lesson, mode)
    name = scribe.incident.id
    facts = [
        found.fact(this, Relation.CAUSED_BY, cause, f"{name} was caused by {_cause(lesson)}"),
        found.fact(this, Relation.INSTANCE_OF, mode, f"{name} is an instance of {mode.name}"),
        found.fact(mode, Relation.MITIGATED_BY, action, f"{mode.name} was mitigated by {action.name}"),
        found.fact(this, Relation.RESOLVED_BY, action, f"{name} was resolved by {lesson.mitigation.action}"),
    ]
    facts += [
        found.fact(mode, Relation.MANIFESTS_AS, symptom, f"{mode.name} manifests as {symptom.name}")
        for symptom in shown
    ]
    return Addition(nodes=(origin, mode, action, cause), facts=tuple(facts))


def _cause(lesson: Lesson) -> str:
    """The cause in our own words: a title that somebody wrote would be believed as if we had measured it."""
    how = lesson.hypothesis.mechanism.replace("_", " ")
    by = f", since {lesson.change.kind} {lesson.change.id}" if lesson.change else ""
    return f"{lesson.hypothesis.entity}: {how}{by}"


def _cause_node(lesson: Lesson, mode: Node) -> Node:
    if lesson.change is None:
        return mode
    change = lesson.change
    return Node(
        urn=urn(NodeKind.CHANGE, change.id),
        kind=NodeKind.CHANGE,
        name=change.id,
        title=change.label,
        attributes={"kind": change.kind, "service": change.entity, "author": change.author},
    )


def _node(kind: NodeKind, name: str) -> Node:
    return Node(urn=urn(kind, name), kind=kind, name=name)
