"""A way of failing that nothing speaks for is refuted; one that only came second is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autoheal.diagnosis.finding import Diagnosis, Modality, RankedCause, Term
from autoheal.diagnosis.mechanism import mechanism_of
from autoheal.domain.investigation import Hypothesis, HypothesisState, Mechanism, VerdictKind
from autoheal.healing.second_look import SecondLook, mechanism_test

M = Mechanism
BUSY = {"cpu_shift": 1.0, "own_time": 0.6}
FAILING = {"error_shift": 1.5, "new_lines": 0.9, "queue_shift": 0.1}
FAR = {"network_gap": 1.2, "stalling_gap": 0.3}
SLOW = {"latency_shift": 1.4, "callers_agree": 0.5}


def look(points: dict[str, float]) -> SecondLook:
    terms = tuple(
        Term(name=name, modality=Modality.METRICS, entity="carts", subject=name, points=weight)
        for name, weight in points.items()
    )
    cause = RankedCause(
        entity="carts", score=sum(points.values()), confidence=0.9, mechanism=mechanism_of(terms), terms=terms
    )
    found = Diagnosis(verdict=VerdictKind.CAUSE, confidence=0.9, reason="", ranking=(cause,))
    return SecondLook(diagnosis=found, evidence_ids=("ev_1",))


def claim(mechanism: Mechanism) -> Hypothesis:
    return Hypothesis(
        id="h1",
        entity="carts",
        mechanism=mechanism,
        statement="",
        score=1.0,
        author="skill",
        confidence=0.9,
        state=HypothesisState.LEADING,
    )


@pytest.mark.criterion(38)
@pytest.mark.parametrize(
    ("points", "claimed"),
    [
        (BUSY, M.NETWORK_DELAY),
        (BUSY, M.CRASH),
        (FAILING, M.RESOURCE_EXHAUSTION),
        (FAILING, M.NETWORK_DELAY),
        (FAR, M.LOAD),
        (SLOW, M.CRASH),
    ],
)
def test_a_mechanism_that_nothing_weighty_speaks_for_is_refuted(
    points: dict[str, float], claimed: Mechanism
) -> None:
    assert not mechanism_test(look(points), claim(claimed)).passed


@pytest.mark.parametrize(
    ("points", "claimed"),
    [
        (BUSY, M.RESOURCE_EXHAUSTION),
        (BUSY, M.DEPENDENCY_LATENCY),
        (FAR, M.RESOURCE_EXHAUSTION),
        ({"network_gap": 0.6, "stalling_gap": 0.6}, M.RESOURCE_EXHAUSTION),
        (SLOW | {"cpu_shift": 0.05}, M.RESOURCE_EXHAUSTION),
        (FAILING | {"cpu_shift": 0.5}, M.RESOURCE_EXHAUSTION),
        ({"other_shift": 2.0}, M.NETWORK_DELAY),
        (FAILING, M.DEPLOY),
    ],
)
def test_a_mechanism_that_is_likely_second_likely_or_not_to_be_told_stands(
    points: dict[str, float], claimed: Mechanism
) -> None:
    assert mechanism_test(look(points), claim(claimed)).passed


def test_how_a_change_shows_is_tested_where_the_mechanism_is_the_change() -> None:
    blamed = replace(claim(M.DEPLOY), shows_as=M.NETWORK_DELAY)
    assert not mechanism_test(look(FAILING), blamed).passed
