"""The bill of an incident, and the cost of the n-th of a family."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.reports.story import START, cost, incident

from autoheal.domain.incident import Outcome
from autoheal.domain.ledger import LedgerEntry
from autoheal.reports.economics import bill, costs_by_family, exponent, stages
from autoheal.reports.history import NO_FAMILY, History, Truth


@pytest.mark.criterion(100)
def test_a_bill_names_every_backend_model_price_second_and_minute() -> None:
    entries = [
        cost("i1", queries=3),
        cost("i1", queries=2),
        cost("i1", queries=1, backend="loki"),
        LedgerEntry(
            incident_id="i1",
            stage="review",
            backend="some-model",
            at=START,
            tokens_input=100,
            tokens_cached=80,
            tokens_output=20,
            tokens_reasoning=5,
            dollars=0.25,
            wall_seconds=1.5,
        ),
        LedgerEntry(
            incident_id="i1", stage="ask", backend="expert", at=START, questions=1, expert_minutes=4.0
        ),
    ]
    spent = bill(entries)
    assert spent.queries == {"prometheus": 5, "loki": 1}
    assert spent.tokens == {"some-model": 120}
    assert (spent.cached_tokens, spent.dollars, spent.wall_seconds) == (80, 0.25, 1.5)
    assert (spent.questions, spent.expert_minutes) == (1, 4.0)
    assert (spent.all_queries, spent.all_tokens) == (6, 120)


def test_a_bill_is_split_by_stage_in_the_order_of_spending() -> None:
    late = replace(cost("i1", queries=1), stage="verify", at=START + timedelta(minutes=1))
    split = stages([late, cost("i1", queries=4)])
    assert {stage: part.all_queries for stage, part in split.items()} == {"investigate": 4, "verify": 1}
    assert next(iter(split)) == "investigate"


def test_incidents_of_a_family_are_numbered_by_when_they_opened() -> None:
    history = History(
        incidents=[incident("late", 60), incident("first"), incident("other", 5, family="crash")],
        costs=[cost("first", queries=40), cost("late", queries=4)],
    )
    found = {
        f.family: [(n.n, n.incident_id, n.bill.all_queries) for n in f.incidents]
        for f in costs_by_family(history)
    }
    assert found == {"leak": [(1, "first", 40), (2, "late", 4)], "crash": [(1, "other", 0)]}


def test_an_incident_without_family_is_not_counted_to_any() -> None:
    (found,) = costs_by_family(History(incidents=[incident("i1", family="")]))
    assert found.family == NO_FAMILY


def test_the_exponent_tells_falling_from_level_costs() -> None:
    falling = exponent([1000 / n for n in range(1, 21)])
    assert falling is not None
    assert falling == pytest.approx(1.0, abs=0.05)
    assert exponent([50, 50, 50, 50]) == pytest.approx(0.0, abs=1e-9)
    assert exponent([10, 1]) is None


def test_cheap_but_wrong_shows_in_the_accuracy() -> None:
    history = History(
        incidents=[incident("i1"), incident("i2", 60)],
        truths={"i1": Truth(injected=True, right=True), "i2": Truth(injected=True, right=False)},
    )
    (found,) = costs_by_family(history)
    assert found.accuracy == 0.5


def test_accuracy_is_unknown_where_no_truth_is_known() -> None:
    (found,) = costs_by_family(History(incidents=[incident("i1")]))
    assert found.accuracy is None


def test_first_and_last_fifth_are_compared_by_median() -> None:
    many = [incident(f"i{n:02}", n * 60) for n in range(20)]
    spent = [cost(i.id, tokens=1000 - 45 * n) for n, i in enumerate(many)]
    (found,) = costs_by_family(History(incidents=many, costs=spent))
    assert (found.tokens_first, found.tokens_last) == (1000 - 67.5, 1000 - 45 * 17.5)


def test_a_person_who_was_paged_shows_in_the_table() -> None:
    paged = replace(incident("i1"), outcome=Outcome.ESCALATED)
    (found,) = costs_by_family(History(incidents=[paged]))
    assert found.incidents[0].human
