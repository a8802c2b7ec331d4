"""How new an incident is, as a score with its reason: by the kinds of alerts that it shares with others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log

from autoheal.domain.fact import NodeKind, Relation, urn
from autoheal.ports.stores import GraphStore

CONTRADICTED = 0.7
"""Alerts that memory knows, and no known failure behind them: that is more likely new than not."""
RECALLED = 0.1
_MOST = 200
"""Earlier incidents looked at for each kind of alert, the newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Novelty:
    """0 for what is well known, 1 for what was never seen."""

    score: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Precedent:
    """An earlier incident with the kinds of its alerts."""

    incident_id: str
    symptoms: frozenset[str]


def precedents(graph: GraphStore, symptoms: Iterable[str]) -> list[Precedent]:
    """Earlier incidents that showed one of these kinds of alerts, newest first."""
    found: dict[str, None] = {}
    for symptom in sorted(symptoms):
        shown = graph.touching([urn(NodeKind.SYMPTOM, symptom)], relations=[Relation.SHOWED], newest=_MOST)
        found |= dict.fromkeys(fact.subject for fact in reversed(shown))
    return [_precedent(graph, subject) for subject in reversed(found)]


def _precedent(graph: GraphStore, subject: str) -> Precedent:
    shown = graph.facts(subject=subject, relation=Relation.SHOWED)
    return Precedent(incident_id=_name(subject), symptoms=frozenset(_name(fact.object) for fact in shown))


def _name(node: str) -> str:
    return node.partition("/")[2]


def novelty(symptoms: Iterable[str], known: Sequence[Precedent]) -> Novelty:
    """How far the nearest precedent is, where what is rare weighs more than what every incident shows."""
    shown = frozenset(symptom.lower() for symptom in symptoms)
    if not known:
        return Novelty(score=1.0, reason="no earlier incident showed any of these alerts")
    weight = {s: _weight(s, known) for s in shown | {s for p in known for s in p.symptoms}}
    nearest = max(known, key=lambda p: _likeness(shown, p.symptoms, weight))
    score = round(1.0 - _likeness(shown, nearest.symptoms, weight), 3)
    unseen = sorted(s for s in shown if not any(s in p.symptoms for p in known))
    return Novelty(score=score, reason=_reason(shown, nearest, unseen))


def _weight(symptom: str, known: Sequence[Precedent]) -> float:
    return log(2.0 + len(known) / (1 + sum(symptom in p.symptoms for p in known)))


def _likeness(shown: frozenset[str], others: frozenset[str], weight: dict[str, float]) -> float:
    either = sum(weight[s] for s in shown | others)
    return sum(weight[s] for s in shown & others) / either if either else 0.0


def _reason(shown: frozenset[str], nearest: Precedent, unseen: Sequence[str]) -> str:
    if nearest.symptoms == shown:
        return f"{nearest.incident_id} showed the same alerts"
    never = f"never seen: {', '.join(unseen)}; " if unseen else ""
    shared = ", ".join(sorted(shown & nearest.symptoms)) or "nothing"
    return f"{never}the nearest is {nearest.incident_id}, which shares {shared}"


def after_recall(before: Novelty, *, recalled: str, contradicted: Sequence[str]) -> Novelty:
    """The same once memory was asked: what a skill's diagnosis confirmed is known, what none did is not."""
    if recalled:
        return Novelty(score=min(before.score, RECALLED), reason=f"the diagnosis of {recalled} holds")
    if not contradicted:
        return before
    named = ", ".join(contradicted[:3])
    reason = f"its alerts are known, but the diagnosis of none of {named} holds ({before.reason})"
    return Novelty(score=max(before.score, CONTRADICTED), reason=reason)
