"""Trust belongs to a text, to alert expressions and to version lines; a change of any begins anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.graph.test_skills import alertname, skill

from autoheal.domain.skill import DecisionRule, Skill, Trust
from autoheal.graph.skill_trust import (
    STALE_AFTER,
    Standing,
    Use,
    admit,
    another_line,
    binding_of,
    credit,
    live,
    move,
    rules_of,
    standing_of,
    version_line,
)
from autoheal.graph.skills import fitting
from autoheal.integrations.memory.graph import MemoryGraph

NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)
RULES = {"High": "errors > 0.1", "Other": "x > 1"}
SKILL = skill("fix", alertname("High"))


def used(
    number: int, *, good: bool = True, harmful: bool = False, rules: dict[str, str] | None = None
) -> Use:
    return Use(
        incident_id=f"inc_{number}",
        service="cart",
        release="v1.4.2",
        rules=RULES if rules is None else rules,
        good=good,
        harmful=harmful,
    )


def climbed(uses: int) -> MemoryGraph:
    """A merged skill after so many good uses."""
    graph = MemoryGraph()
    admit(graph, SKILL, reason="merged", at=NOW)
    for number in range(uses):
        credit(graph, SKILL, used(number), at=NOW)
    return graph


@pytest.mark.parametrize(
    ("uses", "rung"), [(0, Trust.ASSISTED), (4, Trust.ASSISTED), (5, Trust.TRUSTED), (10, Trust.AUTO)]
)
def test_a_merged_skill_climbs_by_verified_uses(uses: int, rung: Trust) -> None:
    assert standing_of(climbed(uses), SKILL, rules=RULES).rung is rung


def test_a_harmful_use_drops_two_rungs_and_the_next_good_one_does_not_bring_them_back() -> None:
    graph = climbed(10)
    assert credit(graph, SKILL, used(11, good=False, harmful=True), at=NOW).rung is Trust.ASSISTED
    assert credit(graph, SKILL, used(12), at=NOW).rung is Trust.ASSISTED
    assert credit(graph, SKILL, used(13, good=False, harmful=True), at=NOW).rung is Trust.CANDIDATE


def test_a_changed_text_is_in_the_shadow_whoever_changed_it() -> None:
    rule = DecisionRule(when="a > 0", failure_mode="errors", confidence=0.9)
    for changed in (
        replace(SKILL, decide=(rule,)),
        replace(SKILL, verify_expression="y"),
        skill("fix", alertname("Higher")),
    ):
        assert standing_of(climbed(10), changed, rules=RULES).rung is Trust.SHADOW


def test_better_prose_a_new_version_and_more_incidents_are_no_change() -> None:
    same = replace(SKILL, version=2, description="said better", incidents=("inc_1",), digest="other")
    assert binding_of(same) == binding_of(SKILL)
    assert standing_of(climbed(10), same, rules=RULES).rung is Trust.AUTO


def test_a_changed_alert_expression_drops_the_skills_that_bind_to_it_and_no_others() -> None:
    graph = climbed(10)
    changed = standing_of(graph, SKILL, rules={**RULES, "High": "errors > 0.2"})
    assert changed.rung is Trust.SHADOW
    assert "the expression of High" in changed.reason
    assert standing_of(graph, SKILL, rules={**RULES, "Other": "x > 2"}).rung is Trust.AUTO
    assert rules_of(SKILL, RULES).keys() == {"High"}


def test_a_dropped_skill_climbs_again_by_agreeing_under_the_new_expression() -> None:
    graph, now = climbed(10), {**RULES, "High": "errors > 0.2"}
    reached = [credit(graph, SKILL, used(20 + n, rules=now), at=NOW).rung for n in range(3)]
    assert reached == [Trust.SHADOW, Trust.SHADOW, Trust.ASSISTED]
    assert standing_of(graph, SKILL, rules=now).rung is Trust.ASSISTED


def test_a_skill_that_was_not_merged_here_runs_in_the_shadow() -> None:
    assert standing_of(MemoryGraph(), SKILL).rung is Trust.SHADOW


@pytest.mark.criterion(60)
def test_an_unconfirmed_skill_is_stale_and_comes_after_a_fresh_one() -> None:
    graph = climbed(3)
    later = NOW + STALE_AFTER + timedelta(days=1)
    old = live(graph, SKILL, now=later)
    assert old.stale
    assert not live(graph, SKILL, now=NOW + timedelta(days=1)).stale
    fresh = skill("fresh", alertname("High|Low", "=~"))
    fits = fitting([old, fresh], alerts=[{"alertname": "High"}], signature="")
    assert [fit.skill.name for fit in fits] == ["fresh", "fix"]


def test_another_version_line_of_the_service_is_said_and_a_patch_is_not() -> None:
    standing = standing_of(climbed(1), SKILL)
    assert "line 1 of cart" in another_line(standing, "cart", "v2.0.0")
    assert not another_line(standing, "cart", "v1.5.0")
    assert not another_line(standing, "stock", "v2.0.0")
    assert not another_line(standing, "cart", "3f9c2a71")


@pytest.mark.parametrize(("release", "line"), [("v2.14.1", "2"), ("10.0", "10"), ("3f9c2a71", ""), ("", "")])
def test_a_version_line_is_the_major_number(release: str, line: str) -> None:
    assert version_line(release) == line


def test_a_persons_word_moves_the_rung_and_verifies_nothing() -> None:
    graph = climbed(0)
    before = standing_of(graph, SKILL)
    move(graph, SKILL, Trust.CANDIDATE, reason="wrong (ann)", at=NOW + timedelta(days=9))
    after = standing_of(graph, SKILL)
    assert (after.rung, after.verified_at) == (Trust.CANDIDATE, before.verified_at)
    assert isinstance(after, Standing)


def test_two_skills_of_one_name_share_no_trust() -> None:
    other: Skill = skill("fix", alertname("DiskFull"))
    assert standing_of(climbed(10), other).rung is Trust.SHADOW
