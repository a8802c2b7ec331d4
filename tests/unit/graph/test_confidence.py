"""Belief fades as ECOSYSTEM section 1.6 computed it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from autoheal.domain.fact import Fact, Method, Provenance, Relation
from autoheal.graph.confidence import confidence

NOW = datetime(2026, 5, 4, tzinfo=UTC)


def said(method: Method, days_ago: float, polarity: int = 1) -> Provenance:
    moment = NOW - timedelta(days=days_ago)
    return Provenance(source="s", method=method, asserted_at=moment, actor="a", polarity=polarity)


def believed(relation: Relation, *provenance: Provenance) -> float:
    fact = Fact(
        id="f",
        subject="a",
        relation=relation,
        object="b",
        statement="a b",
        recorded_at=NOW,
        provenance=provenance,
    )
    return round(confidence(fact, now=NOW), 2)


@pytest.mark.parametrize(("silent_days", "expected"), [(0, 0.88), (30, 0.70), (90, 0.52)])
def test_a_call_traced_daily_for_a_week_fades_while_it_is_silent(silent_days: int, expected: float) -> None:
    week = [said(Method.OBSERVED, silent_days + day) for day in range(7)]
    assert believed(Relation.CALLS, *week) == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize(
    ("relation", "provenance", "expected"),
    [
        (Relation.OWNED_BY, [said(Method.DECLARED, 180)], 0.71),
        (Relation.CAUSED_BY, [said(Method.INFERRED, 0)], 0.60),
        (Relation.CAUSED_BY, [said(Method.INFERRED, 0), said(Method.HUMAN, 0)], 0.87),
        (Relation.MONITORS, [said(Method.HUMAN, 60), *[said(Method.OBSERVED, 0, -1)] * 2], 0.58),
    ],
)
def test_belief_is_what_the_sayings_weigh(
    relation: Relation, provenance: list[Provenance], expected: float
) -> None:
    assert believed(relation, *provenance) == expected


def test_history_does_not_fade() -> None:
    assert believed(Relation.CAUSED_BY, said(Method.HUMAN, 3650)) == believed(
        Relation.CAUSED_BY, said(Method.HUMAN, 0)
    )


def test_a_hundred_observations_of_one_day_weigh_no_more_than_seven() -> None:
    assert believed(Relation.CALLS, *[said(Method.OBSERVED, 0)] * 100) == round(8 / 9, 2)


def test_a_flood_of_the_same_observation_in_one_week_believes_no_more_than_seven() -> None:
    flood = [said(Method.OBSERVED, number / 500) for number in range(500)]
    assert believed(Relation.MONITORS, *flood) == believed(Relation.MONITORS, *flood[:7])
