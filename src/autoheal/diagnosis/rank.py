"""From terms to a ranking: the best term of each name counts in full, further ones less, the rest not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from autoheal.diagnosis.finding import Term

TERM_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {
        "own_time": 1.0,
        "network_gap": 1.0,
        "failing_calls": 1.0,
        "missing_call": 0.5,
        "extra_call": 0.3,
        "new_lines": 1.0,
        "more_lines": 0.8,
        "missing_lines": 0.8,
    }
)
"""What one full term is worth beside a full metric shift (1.0)."""

_KIN: Mapping[str, str] = MappingProxyType({"stalling_gap": "network_gap"})
"""Two names of one observation, which must not count twice."""

_FALLING = (1.0, 0.4, 0.2)
_ORDER = (1.0, 0.7, 0.5, 0.35, 0.25, 0.2)


def weighed(terms: Iterable[Term]) -> dict[str, list[Term]]:
    """Per entity the terms that count, with their final points, largest first."""
    by_entity: dict[str, dict[str, list[Term]]] = defaultdict(lambda: defaultdict(list))
    for term in terms:
        by_entity[term.entity][_KIN.get(term.name, term.name)].append(term)
    return {entity: _falling(groups) for entity, groups in sorted(by_entity.items())}


def _falling(groups: Mapping[str, list[Term]]) -> list[Term]:
    kept: list[Term] = []
    for name, found in groups.items():
        weight = TERM_WEIGHTS.get(name, 1.0)
        best = sorted(found, key=lambda term: (-term.points, term.subject))[: len(_FALLING)]
        kept += [
            replace(term, points=term.points * weight * fall)
            for term, fall in zip(best, _FALLING, strict=False)
        ]
    kept.sort(key=lambda term: (-term.points, term.name, term.subject))
    return [term for term in kept if term.points > _NEGLIGIBLE]


_NEGLIGIBLE = 0.01


def ranked(terms: Mapping[str, list[Term]]) -> list[tuple[str, float, tuple[Term, ...]]]:
    """Entities by the sum of their terms' points, largest first.

    Of two that are explained away alike, the one that showed more; a name decides only between equals.
    """
    scored = [(entity, sum(term.points for term in found), tuple(found)) for entity, found in terms.items()]
    return sorted(scored, key=lambda row: (-row[1], -_speaking_for(row[2]), row[0]))


def _speaking_for(terms: Iterable[Term]) -> float:
    return sum(term.points for term in terms if term.points > 0)
