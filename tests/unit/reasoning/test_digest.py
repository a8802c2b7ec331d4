"""The digest stays small whatever the size of production, and nobody can end a quotation of it."""

from __future__ import annotations

import dataclasses

from autoheal.diagnosis.finding import Diagnosis, RankedCause, RankedChange
from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.evidence import Claim, Reading, Row, Statistic
from autoheal.domain.investigation import Hypothesis, HypothesisState, Mechanism, VerdictKind
from autoheal.reasoning.digest import CHARACTERS_PER_TOKEN, Picture, boundary_of, context, digest
from autoheal.reasoning.told import Told

SERVICES = [f"service-{number:02d}" for number in range(50)]


def _claim(entity: str, number: int) -> Claim:
    before = Reading(
        evidence_id=f"ev_{number:026d}",
        entity=entity,
        subject=f"metric_{number} {'x' * 400}",
        statistic=Statistic.MEDIAN,
        start=0,
        end=1,
        value=1.0,
    )
    return Claim(text="moved", readings=(before, dataclasses.replace(before, value=2.0)), points=number)


def _hypothesis(entity: str) -> Hypothesis:
    return Hypothesis(
        id=entity,
        entity=entity,
        mechanism=Mechanism.ERRORS,
        statement=entity,
        score=1.0,
        confidence=0.4,
        author="engine",
        state=HypothesisState.LEADING,
        claims_for=tuple(_claim(entity, number) for number in range(30)),
    )


def _picture() -> Picture:
    ranking = [
        RankedCause(entity=name, score=1.0, confidence=0.1, mechanism=Mechanism.ERRORS, terms=())
        for name in SERVICES
    ]
    changes = {
        f"deploy-{name}": Change(
            id=f"deploy-{name}", kind=ChangeKind.DEPLOY, entity=name, time=90.0, title="t" * 4_000
        )
        for name in SERVICES
    }
    return Picture(
        alerts=(),
        services=SERVICES,
        diagnosis=Diagnosis(
            verdict=VerdictKind.INCONCLUSIVE,
            confidence=0.2,
            reason="many",
            ranking=tuple(ranking),
            changes=tuple(RankedChange(id=key, entity="", score=0.1, why=("w" * 900,)) for key in changes),
            missing=("logs: out of order",) * 40,
        ),
        hypotheses=[_hypothesis(name) for name in SERVICES],
        doubt="many",
        changes=changes,
        calls=[(a, b) for a in SERVICES for b in SERVICES if a < b],
        measured=[f"metric_{number}" for number in range(400)],
        onset=100.0,
        now=160.0,
    )


def test_fifty_services_fit_with_what_memory_brought_into_six_thousand_tokens() -> None:
    facts = [Row(time=0, entity="", subject=f"fact-{n}", value=0.9, text="calls " * 90) for n in range(400)]
    known = context(facts)
    asked = digest(_picture(), Told())
    assert (len(known) + len(asked)) / CHARACTERS_PER_TOKEN <= 6_000
    assert len(asked) / CHARACTERS_PER_TOKEN <= 3_300


def test_the_same_incident_reads_the_same_every_time() -> None:
    assert digest(_picture(), Told()) == digest(_picture(), Told())


def test_what_memory_brought_back_reads_the_same_in_any_order() -> None:
    rows = [Row(time=at, entity="", subject=f"f{at:.0f}", value=0.9, text="a calls b") for at in (2.0, 1.0)]
    assert context(rows) == context(rows[::-1])


def test_what_does_not_fit_of_memory_is_the_least_of_it() -> None:
    best = Row(time=0, entity="", subject="zz", value=0.9, text="cart is down when the bank is")
    rest = [Row(time=0, entity="", subject=f"f{n}", value=0.9, text="a calls b " * 20) for n in range(100)]
    assert "cart is down when the bank is" in context([best, *rest])
    assert "cart is down" not in context([*rest, best])
    assert len(context([best, *rest])) <= 1_000 * CHARACTERS_PER_TOKEN


def test_a_boundary_stands_in_no_text_that_it_encloses() -> None:
    texts = ["", "data", "x" * 10_000, boundary_of("x")]
    assert all(boundary_of(text) not in text for text in texts)
