"""Which skills apply, to which services, and how trust is earned and lost."""

from __future__ import annotations

import pytest

from autoheal.domain.skill import DecisionRule, DiagnosisStep, Match, Matcher, Skill, Trust
from autoheal.graph.skills import (
    Outcomes,
    after_change,
    candidates,
    deepest,
    fitting,
    merged_trust,
    trust_after,
    wilson_lower_bound,
)

CALLS = (("web", "checkout"), ("checkout", "cart"), ("checkout", "stock"), ("cart", "db"), ("stock", "db"))


def skill(name: str, *matchers: Matcher, signature: str = "", none: Matcher | None = None) -> Skill:
    return Skill(
        name=name,
        version=1,
        description="x",
        match=Match(
            signatures=(signature,) if signature else (),
            alerts=(matchers,) if matchers else (),
            none=((none,),) if none else (),
        ),
        inputs={},
        diagnose=(DiagnosisStep(id="a", tool="metrics.instant", arguments={"query": "x"}, save="a"),),
        decide=(DecisionRule(when="a > 1", failure_mode="errors", confidence=0.9),),
        mitigations={},
        verify_expression="x",
        verify_stable_seconds=1,
        verify_within_seconds=1,
    )


def alertname(value: str, operator: str = "=") -> Matcher:
    return Matcher(label="alertname", operator=operator, value=value)


def test_the_exact_signature_comes_before_any_matcher() -> None:
    known = [skill("by-alert", alertname("High")), skill("by-signature", signature="sig_1")]
    fits = fitting(known, alerts=[{"alertname": "High"}], signature="sig_1")
    assert [fit.skill.name for fit in fits] == ["by-signature", "by-alert"]


def test_the_more_specific_skill_comes_first() -> None:
    tight = skill("tight", alertname("High"), Matcher(label="service", operator="=", value="cart"))
    fits = fitting(
        [skill("loose", alertname("High|Low", "=~")), tight],
        alerts=[{"alertname": "High", "service": "cart"}],
        signature="",
    )
    assert [fit.skill.name for fit in fits] == ["tight", "loose"]


@pytest.mark.criterion(61)
def test_an_unrelated_alert_fits_no_skill() -> None:
    assert fitting([skill("a", alertname("High"))], alerts=[{"alertname": "DiskFull"}], signature="s") == []


@pytest.mark.parametrize(
    ("name", "service", "fits"),
    [
        ("CartHigh", "cart", True),
        ("cart_High", "cart", True),
        ("HighCart", "cart", True),
        ("CartHigh", "stock", False),
        ("CartLow", "cart", False),
    ],
)
def test_a_rule_that_a_team_named_after_its_service_is_the_same_kind(
    name: str,
    service: str,
    fits: bool,  # noqa: FBT001  a column of the table above
) -> None:
    found = fitting(
        [skill("a", alertname("High"))], alerts=[{"alertname": name, "service": service}], signature=""
    )
    assert bool(found) is fits


def test_what_a_skill_excludes_is_excluded() -> None:
    excluded = skill("a", alertname("High"), none=Matcher(label="environment", operator="=", value="staging"))
    alerts = [{"alertname": "High", "environment": "staging"}]
    assert fitting([excluded], alerts=alerts, signature="") == []


def test_candidates_are_where_it_hurts_then_below_then_the_callers() -> None:
    assert candidates(["checkout"], CALLS, origin=None, max_hops=1) == ["checkout", "cart", "stock", "web"]
    assert candidates(["checkout"], CALLS, origin="cart", max_hops=2)[:2] == ["cart", "checkout"]
    assert "db" in candidates(["checkout"], CALLS, origin=None, max_hops=2)
    assert candidates(["lonely"], (), origin=None, max_hops=2) == ["lonely"]


def test_a_caller_is_explained_by_its_callee_and_siblings_are_not() -> None:
    assert deepest(["web", "checkout", "cart"], CALLS) == ["cart"]
    assert deepest(["cart", "stock"], CALLS) == ["cart", "stock"]
    assert deepest(["a", "b"], (("a", "b"), ("b", "a"))) == ["a", "b"]


@pytest.mark.parametrize(
    ("good", "total", "bound"),
    [(3, 3, 0.53), (5, 5, 0.649), (10, 10, 0.787), (20, 20, 0.88), (9, 10, 0.65), (19, 20, 0.80), (0, 0, 0)],
)
def test_the_lower_bound_is_wilsons(good: int, total: int, bound: float) -> None:
    assert wilson_lower_bound(good, total) == pytest.approx(bound, abs=0.006)


def test_a_merged_skill_may_propose_and_nothing_more() -> None:
    assert merged_trust() is Trust.ASSISTED


@pytest.mark.parametrize(
    ("outcomes", "start", "trust"),
    [
        (Outcomes(good=0), Trust.CANDIDATE, Trust.CANDIDATE),
        (Outcomes(good=1), Trust.CANDIDATE, Trust.SHADOW),
        (Outcomes(good=3), Trust.CANDIDATE, Trust.ASSISTED),
        (Outcomes(good=1), Trust.ASSISTED, Trust.ASSISTED),
        (Outcomes(good=5), Trust.ASSISTED, Trust.TRUSTED),
        (Outcomes(good=10), Trust.ASSISTED, Trust.AUTO),
        (Outcomes(good=9, bad=1), Trust.ASSISTED, Trust.TRUSTED),
        (Outcomes(bad=1), Trust.ASSISTED, Trust.SHADOW),
    ],
)
def test_trust_follows_verified_outcomes(outcomes: Outcomes, start: Trust, trust: Trust) -> None:
    assert trust_after(outcomes, start=start) is trust


def test_one_harmful_outcome_drops_two_rungs() -> None:
    before = trust_after(Outcomes(good=30), start=Trust.ASSISTED)
    after = trust_after(Outcomes(good=30, harmful=1), start=Trust.ASSISTED)
    assert (before, after) == (Trust.AUTO, Trust.ASSISTED)
    assert trust_after(Outcomes(harmful=1), start=Trust.ASSISTED) is Trust.CANDIDATE


@pytest.mark.parametrize("trust", list(Trust))
def test_a_changed_skill_never_keeps_more_than_shadow(trust: Trust) -> None:
    assert after_change(trust).rung <= min(trust.rung, Trust.SHADOW.rung)
