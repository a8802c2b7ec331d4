"""Pain travels from the callee to the caller, and from a dead callee all of it does."""

from __future__ import annotations

from autoheal.diagnosis.finding import Modality, Term
from autoheal.diagnosis.topology import explaining_terms

EDGES = frozenset({("web", "shop"), ("shop", "price"), ("web", "search")})


def term(entity: str, name: str, points: float) -> Term:
    return Term(name=name, modality=Modality.METRICS, entity=entity, subject="m", points=points)


def suffering(entity: str) -> list[Term]:
    return [term(entity, name, 1.0) for name in ("error_shift", "latency_shift", "saturation_shift")]


def left(terms: dict[str, list[Term]]) -> dict[str, float]:
    """The points of each entity after explaining away."""
    scores = {entity: sum(t.points for t in found) for entity, found in terms.items()}
    for explained in explaining_terms(terms, EDGES):
        scores[explained.entity] += explained.points
    return scores


def test_a_dead_callee_explains_every_caller_above_it() -> None:
    scores = left(
        {"price": [term("price", "crash_shift", 1.4)], "shop": suffering("shop"), "web": suffering("web")}
    )
    assert max(scores, key=lambda name: scores[name]) == "price"


def test_a_callee_that_lives_explains_no_resource_of_its_caller() -> None:
    scores = left({"price": [term("price", "error_shift", 1.0)], "shop": suffering("shop")})
    assert scores["shop"] >= 2.0


def test_who_does_not_fail_is_not_starved() -> None:
    busy = [term("shop", "latency_shift", 1.0), term("shop", "cpu_shift", 1.0)]
    assert left({"price": [term("price", "crash_shift", 1.4)], "shop": busy})["shop"] == 2.0
