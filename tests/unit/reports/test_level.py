"""The level of a family: earned by measured rules, and lost again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.reports.story import START, at, by_skill, cost, fix, incident, mitigation, verified

from autoheal.domain.approval import Approval, Decision
from autoheal.domain.incident import Incident, Outcome
from autoheal.domain.mitigation import VerificationResult
from autoheal.reports.figures import report
from autoheal.reports.history import History, Truth
from autoheal.reports.level import Level, levels

pytestmark = pytest.mark.criterion(102)

DAY = 24 * 60.0


def level(history: History) -> Level:
    (found,) = levels(history).families
    return found.level


def autohealed(count: int = 3) -> list[Incident]:
    return [by_skill(f"i{n}", n * 60) for n in range(count)]


def taught(incidents: Sequence[Incident]) -> History:
    return History(incidents=incidents, proposals=[fix(f"p{i.id}", i.id, deployed=None) for i in incidents])


def test_an_incident_that_a_person_had_to_handle_is_level_one() -> None:
    by_hand = replace(incident("i1"), outcome=Outcome.ESCALATED)
    assert level(History(incidents=[by_hand])) is Level.L1


def test_healing_without_learning_is_level_two() -> None:
    assert level(History(incidents=[incident("i1")])) is Level.L2


def test_healing_with_merged_lessons_is_level_three() -> None:
    assert level(taught([incident("i1")])) is Level.L3


def test_three_in_a_row_from_memory_alone_are_level_four() -> None:
    assert level(taught(autohealed())) is Level.L4
    assert level(taught(autohealed(2))) is Level.L3


def test_one_token_takes_level_four_away() -> None:
    history = replace(taught(autohealed()), costs=[cost("i2", tokens=1)])
    assert level(history) is Level.L3


def test_one_approval_takes_level_four_away() -> None:
    approval = Approval(
        id="a1",
        mitigation_id="m1",
        digest="",
        decision=Decision.APPROVED,
        actor="ann",
        channel="cli",
        decided_at=START,
        expires_at=at(15),
    )
    history = replace(taught(autohealed()), mitigations=[mitigation("m1", "i1")], approvals=[approval])
    assert level(history) is Level.L3


def test_a_wrong_answer_takes_level_four_away() -> None:
    history = replace(taught(autohealed()), truths={"i1": Truth(injected=True, right=False)})
    assert level(history) is Level.L3


def test_harm_takes_every_level_away() -> None:
    history = replace(
        taught(autohealed()),
        mitigations=[mitigation("m1", "i1")],
        verifications=[verified("m1", VerificationResult.WORSE)],
    )
    assert level(history) is Level.L1


def test_a_cause_that_comes_back_after_its_prevention_takes_level_three_away() -> None:
    twice = [incident("i1"), incident("i2", 100)]
    history = History(
        incidents=twice, proposals=[fix("p1", "i1", deployed=10), fix("p2", "i2", deployed=None)]
    )
    assert level(history) is Level.L2


def test_the_level_goes_down_when_the_window_moves_on() -> None:
    good = [by_skill(f"i{n}", n * 60) for n in range(3)]
    bad = replace(incident("late", 40 * DAY), outcome=Outcome.ESCALATED)
    history = taught([*good, bad])
    early = report(history, now=START + timedelta(days=1))
    late = report(history, now=START + timedelta(days=41))
    assert [f.level for f in late.level.families] == [Level.L1]
    assert (early.level.level, late.level.level) == (Level.L4, Level.L1)


def test_the_whole_stands_where_four_fifths_of_its_incidents_stand() -> None:
    good = autohealed(8)
    weak = [replace(incident(f"w{n}", n, family="odd"), outcome=Outcome.ESCALATED) for n in range(2)]
    assert levels(taught([*good, *weak])).level is Level.L4
    weak.append(replace(incident("w9", 9, family="odd"), outcome=Outcome.ESCALATED))
    assert levels(taught([*good, *weak])).level is Level.L1


def test_each_rule_names_the_events_on_both_sides() -> None:
    mixed = [incident("good"), replace(incident("bad", 60), first_query_at=None)]
    (found,) = levels(History(incidents=mixed)).families
    rule = found.rules[0]
    assert (rule.held_by, rule.broken_by, rule.value, rule.holds) == (("good",), ("bad",), 0.5, False)


def test_with_no_incident_there_is_no_level_to_boast_of() -> None:
    assert levels(History(incidents=[])).level is Level.L1
