"""Where an investigation first went wrong is told from what is stored, stage by stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from autoheal.domain.evidence import Answer, Claim, Evidence, Failed, Found, Reading, Statistic
from autoheal.domain.investigation import (
    Confidence,
    Hypothesis,
    HypothesisState,
    Investigation,
    Mechanism,
    Objection,
    Review,
    Verdict,
    VerdictKind,
)
from autoheal.domain.judgment import Stage, Truth
from autoheal.healing.misstep import Record, first_misstep

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def evidence(name: str, answer: Answer | None = None) -> Evidence:
    return Evidence(
        id=name,
        incident_id="inc",
        stage="investigate",
        source="prometheus",
        expression="up",
        start=NOW,
        end=NOW,
        asked_at=NOW,
        seconds=0.1,
        answer=answer or Found(rows=1, digest="d"),
    )


def claim(about: str) -> Claim:
    reading = Reading(
        evidence_id=f"ev-{about}",
        entity=about,
        subject="errors",
        statistic=Statistic.MAX,
        start=0.0,
        end=1.0,
        value=1.0,
    )
    return Claim(text=f"errors of {about} rose", readings=(reading,), points=2.0)


def hypothesis(entity: str, score: float, **given: object) -> Hypothesis:
    made = Hypothesis(
        id=f"h-{entity}",
        entity=entity,
        mechanism=Mechanism.ERRORS,
        statement=entity,
        score=score,
        confidence=0.5,
        author="engine",
        state=HypothesisState.LEADING,
        claims_for=(claim(entity),),
    )
    return replace(made, **given)  # type: ignore[arg-type]  # fields by name


def investigation(*found: Hypothesis, blamed: str | None = None, **given: object) -> Investigation:
    chosen = next((h.id for h in found if h.entity == blamed), None)
    verdict = Verdict(
        kind=VerdictKind.CAUSE if chosen else VerdictKind.INCONCLUSIVE,
        hypothesis_id=chosen,
        confidence=Confidence(value=0.9, reason="it leads"),
    )
    made = Investigation(
        id="inc.1.0",
        incident_id="inc",
        attempt=1,
        started_at=NOW,
        ended_at=NOW,
        hypotheses=found,
        verdict=verdict,
    )
    return replace(made, **given)  # type: ignore[arg-type]  # fields by name


def record(*investigations: Investigation, seen: Sequence[str] = ("cart", "stock")) -> Record:
    asked = [evidence(f"ev-{name}") for name in seen]
    return Record(
        investigations=investigations,
        evidence=[*asked, evidence("ev-failed", Failed(reason="timeout"))],
        entities={f"ev-{name}": frozenset({name}) for name in seen},
        changes=frozenset({"known"}),
    )


STOCK = Truth(entity="stock")
CART_LEADS = (hypothesis("cart", 3.0), hypothesis("stock", 2.0))


def test_a_right_verdict_has_no_wrong_step() -> None:
    assert first_misstep(record(investigation(*CART_LEADS, blamed="cart")), Truth(entity="cart")) is None


def test_a_lower_place_names_what_weighed_more_on_both_sides() -> None:
    found = first_misstep(record(investigation(*CART_LEADS, blamed="cart")), STOCK)
    assert found is not None
    assert found.stage is Stage.RANK
    assert "3.00 points against 2.00 points" in found.text
    assert found.evidence_ids == ("ev-cart", "ev-stock")


def test_what_no_source_told_of_was_never_looked_at_and_the_silent_queries_are_named() -> None:
    found = first_misstep(record(investigation(CART_LEADS[0], blamed="cart"), seen=("cart",)), STOCK)
    assert found is not None
    assert (found.stage, found.evidence_ids) == (Stage.COLLECT, ("ev-failed",))


def test_what_was_measured_and_never_suspected_is_a_missing_hypothesis() -> None:
    found = first_misstep(record(investigation(CART_LEADS[0], blamed="cart")), STOCK)
    assert found is not None
    assert (found.stage, found.evidence_ids) == (Stage.HYPOTHESES, ("ev-stock",))


def test_the_right_cause_that_the_review_refuted_is_the_reviews_mistake() -> None:
    right = hypothesis("stock", 3.0, state=HypothesisState.UNTESTED, not_tested_because="refuted")
    refuted = Objection(test="timing", passed=False, text="it came later", evidence_ids=("ev-stock",))
    review = Review(reviewer="r", hypothesis_id=right.id, objections=(refuted,), completed=True)
    found = first_misstep(record(investigation(right, review=review)), STOCK)
    assert found is not None
    assert (found.stage, found.evidence_ids) == (Stage.REVIEW, ("ev-stock",))
    assert "timing: it came later" in found.text


@pytest.mark.parametrize(
    ("author", "stage"),
    [("skill:deploys@2", Stage.RECALL), ("person:ann", Stage.ASK), ("model:big", Stage.REASON)],
)
def test_whoever_was_followed_is_named(author: str, stage: Stage) -> None:
    led = investigation(hypothesis("cart", 3.0, author=author), blamed="cart")
    found = first_misstep(record(led), STOCK)
    assert found is not None
    assert found.stage is stage
    assert author.partition(":")[2] in found.text


def test_a_cause_that_was_blamed_on_another_change_tells_unknown_changes_from_overlooked_ones() -> None:
    led = investigation(hypothesis("cart", 3.0, change_id="decoy"), blamed="cart")
    overlooked = first_misstep(record(led), Truth(entity="cart", change_id="known"))
    unknown = first_misstep(record(led), Truth(entity="cart", change_id="elsewhere"))
    assert overlooked is not None
    assert unknown is not None
    assert (overlooked.stage, unknown.stage) == (Stage.HYPOTHESES, Stage.COLLECT)


def test_another_way_of_failing_is_wrong_unless_it_shows_so() -> None:
    led = investigation(hypothesis("cart", 3.0, shows_as=Mechanism.CRASH), blamed="cart")
    assert first_misstep(record(led), Truth(entity="cart", mechanism=Mechanism.CRASH)) is None
    assert first_misstep(record(led), Truth(entity="cart", mechanism=Mechanism.LOAD)) is not None


def test_a_cause_where_there_was_no_fault_was_ranked_too_high() -> None:
    found = first_misstep(record(investigation(*CART_LEADS, blamed="cart")), Truth(entity=None))
    assert found is not None
    assert (found.stage, found.evidence_ids) == (Stage.RANK, ("ev-cart",))


def test_the_first_attempt_that_missed_is_named_and_not_the_last() -> None:
    first = investigation(*CART_LEADS, blamed="cart")
    second = replace(investigation(CART_LEADS[0], blamed="cart"), id="inc.2.0")
    found = first_misstep(record(first, second), STOCK)
    assert found is not None
    assert found.investigation_id == "inc.1.0"
