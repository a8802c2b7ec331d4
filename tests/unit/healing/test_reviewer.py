"""The reviewer looks for itself, refutes what is false for the right reason, and fails closed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.unit.healing.recorded_shop import DECOY, RecordedShop, refuted

from autoheal.domain.evidence import Failed
from autoheal.domain.investigation import Confidence, Investigation, Review, Verdict, VerdictKind
from autoheal.healing.dispute import both_cases, disagree
from autoheal.healing.trace import compose
from autoheal.ports.telemetry import QueryResult
from autoheal.recording.recorded_sources import RecordedMetrics


@pytest.fixture
def shop() -> RecordedShop:
    return RecordedShop()


class _Down(RecordedMetrics):
    """A source that went down after the author asked."""

    def range(
        self, expression: str, *, start: float, end: float, step: float, subject: str = ""
    ) -> QueryResult:
        """Nothing."""
        del expression, start, end, step, subject
        return QueryResult(answer=Failed(reason="connection refused"))


class _Breaking(RecordedMetrics):
    """A source whose client breaks in a way that nobody foresaw."""

    def instant(self, expression: str, *, at: float) -> QueryResult:
        """Nothing."""
        raise RuntimeError(f"{expression} at {at}")


def _investigation(shop: RecordedShop, found: Review, entity: str = "gateway") -> Investigation:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    verdict = Verdict(
        kind=VerdictKind.INCONCLUSIVE, hypothesis_id=None, confidence=Confidence(value=0.1, reason="")
    )
    return Investigation(
        id="inv",
        incident_id="inc",
        attempt=1,
        started_at=at,
        ended_at=at,
        hypotheses=(shop.blaming(entity),),
        verdict=verdict,
        review=found,
    )


def test_the_true_cause_stands(shop: RecordedShop) -> None:
    found = shop.reviewed(shop.blaming("checkout"))
    assert refuted(found) == {}
    assert found.passed


@pytest.mark.criterion(38)
@pytest.mark.parametrize("entity", ["gateway", "echo", "search"])
def test_a_caller_an_echo_and_a_bystander_are_refuted(shop: RecordedShop, entity: str) -> None:
    assert not shop.reviewed(shop.blaming(entity)).passed


@pytest.mark.criterion(38)
def test_a_symptomatic_caller_is_refuted_by_what_explains_it_better(shop: RecordedShop) -> None:
    assert "checkout" in refuted(shop.reviewed(shop.blaming("gateway")))["alternative cause"]


@pytest.mark.criterion(39)
def test_the_reviewer_asks_what_the_author_did_not_and_pays_for_it_as_review(shop: RecordedShop) -> None:
    before = {item.id for item in shop.incidents.evidence_of("inc")}
    found = shop.reviewed(shop.blaming("checkout"))
    own = [item for item in shop.incidents.evidence_of("inc") if item.id not in before]
    asked = {(i.expression, i.start, i.end) for i in shop.incidents.evidence_of("inc") if i.id in before}
    assert own
    assert {item.stage for item in own} == {"review"}
    assert any((item.expression, item.start, item.end) not in asked for item in own)
    assert {i for o in found.objections for i in o.evidence_ids} & {item.id for item in own}
    assert any(cost.stage == "review" and cost.queries for cost in shop.incidents.costs("inc"))


@pytest.mark.criterion(40)
def test_a_citation_that_measures_something_else_is_refused_for_that_reason(shop: RecordedShop) -> None:
    true, other = shop.blaming("checkout"), shop.blaming("gateway").claims_for[0]
    claim = replace(true.claims_for[0], readings=other.readings)
    found = refuted(shop.reviewed(replace(true, claims_for=(claim,))))
    assert "speaks of checkout and cites" in found["citations"]


@pytest.mark.criterion(40)
def test_a_sentence_that_says_the_opposite_of_its_numbers_is_refused(shop: RecordedShop) -> None:
    true = shop.blaming("checkout")
    claim = replace(true.claims_for[0], text='"error_rate" of "checkout" dropped')
    found = refuted(shop.reviewed(replace(true, claims_for=(claim,))))
    assert "not the other way" in found["citations"]


@pytest.mark.criterion(42)
def test_a_reviewer_whose_source_went_down_lets_nothing_pass(shop: RecordedShop) -> None:
    down = replace(shop.gatherer.sources, metrics=_Down(shop.telemetry.metrics))
    found = shop.reviewed(shop.blaming("checkout"), replace(shop.gatherer, sources=down))
    assert not found.passed


@pytest.mark.criterion(42)
def test_a_reviewer_that_breaks_counts_as_no_review(shop: RecordedShop) -> None:
    breaking = replace(shop.gatherer.sources, metrics=_Breaking(shop.telemetry.metrics))
    found = shop.reviewed(shop.blaming("checkout"), replace(shop.gatherer, sources=breaking))
    assert not found.completed
    assert not found.passed
    assert not disagree(_investigation(shop, found))


@pytest.mark.criterion(43)
def test_an_effect_that_came_after_the_symptom_is_no_cause(shop: RecordedShop) -> None:
    echo = shop.blaming("echo")
    last = replace(echo.claims_for[0].readings[1], start=shop.diagnosis.onset or 0.0)
    value = last.recompute(shop.material.rows[last.evidence_id]) or 0.0
    readings = (echo.claims_for[0].readings[0], replace(last, value=value))
    late = replace(echo, claims_for=(replace(echo.claims_for[0], readings=readings),))
    assert "after the symptom" in refuted(shop.reviewed(late))["order of effects"]


@pytest.mark.criterion(17)
def test_a_decoy_deploy_is_refuted_and_the_trace_cites_what_disproves_it(shop: RecordedShop) -> None:
    assert shop.diagnosis.ranking[0].entity == "checkout"
    found = shop.reviewed(shop.blaming("checkout", change_id=DECOY.id))
    (objection,) = [o for o in found.objections if o.test == "decoy change" and not o.passed]
    path = compose(_investigation(shop, found), shop.incidents.evidence_of("inc"))["path"]
    assert isinstance(path, list)
    told = next(line for line in path if line.startswith("review decoy change: refuted"))
    assert objection.evidence_ids
    assert all(i in told for i in objection.evidence_ids)


@pytest.mark.criterion(41)
def test_both_cases_of_a_disagreement_are_told(shop: RecordedShop) -> None:
    found = shop.reviewed(shop.blaming("gateway"))
    told = both_cases(_investigation(shop, found))
    assert disagree(_investigation(shop, found))
    assert "the author says gateway: errors" in told
    assert "the reviewer says alternative cause" in told
