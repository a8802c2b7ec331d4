"""How far a fact is believed: computed when read, from sayings that fade. Pure.

`conf = a / (a + b)` with a = 1 + sum of w * 2^(-age / half-life) over sayings for it, b likewise against it
(a beta prior of one each). Weights: human 5, declared 3, observed 1, derived 1, inferred 0.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from autoheal.domain.fact import Fact, Method, Provenance, Relation

WEIGHTS: Mapping[Method, float] = MappingProxyType(
    {Method.HUMAN: 5, Method.DECLARED: 3, Method.OBSERVED: 1, Method.DERIVED: 1, Method.INFERRED: 0.5}
)
HALF_LIFE_DAYS: Mapping[Relation, float] = MappingProxyType(
    {
        Relation.CALLS: 14,
        Relation.DEPENDS_ON: 180,
        Relation.OWNED_BY: 180,
        Relation.PART_OF: 180,
        Relation.MEMBER_OF: 180,
        Relation.BUILT_FROM: 180,
        Relation.MONITORS: 90,
        Relation.MANIFESTS_AS: 120,
        Relation.MITIGATED_BY: 180,
        Relation.APPLIES_TO: 120,
    }
)
"""Half-life of belief; a relation that is not named is history and does not fade."""

_OBSERVATIONS_PER_WEEK = 7


def confidence(fact: Fact, *, now: datetime) -> float:
    """Between 0 and 1; 0.5 is no more than not knowing."""
    speaking_for = _weight(fact, 1, now)
    against = _weight(fact, -1, now)
    return (1 + speaking_for) / (2 + speaking_for + against)


def _weight(fact: Fact, polarity: int, now: datetime) -> float:
    total, observed_in_week = 0.0, dict[int, int]()
    for saying in sorted(fact.provenance, key=lambda p: p.asserted_at, reverse=True):
        if saying.polarity != polarity:
            continue
        if saying.method is Method.OBSERVED:
            week = (now - saying.asserted_at).days // 7
            observed_in_week[week] = observed_in_week.get(week, 0) + 1
            if observed_in_week[week] > _OBSERVATIONS_PER_WEEK:
                continue
        total += WEIGHTS[saying.method] * _faded(saying, fact.relation, now)
    return total


def _faded(saying: Provenance, relation: Relation, now: datetime) -> float:
    half_life = HALF_LIFE_DAYS.get(relation)
    if half_life is None:
        return 1.0
    age_days = max((now - saying.asserted_at).total_seconds(), 0.0) / 86_400
    return float(2 ** (-age_days / half_life))
