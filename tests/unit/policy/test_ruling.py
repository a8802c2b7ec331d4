"""What policy permits, doubts and denies, rule by rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from autoheal.domain.mitigation import Action, ActionKind, Check, Mitigation, MitigationState, Tier
from autoheal.domain.skill import Trust
from autoheal.policy.file import parse
from autoheal.policy.policy import Environment, Mode, Policy
from autoheal.policy.ruling import Permission, Situation, rule_on

NOW = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
RESTART = Action(kind=ActionKind.RESTART, target="orders")
AUTO = Policy(environments={"sandbox": Environment(mode=Mode.AUTO, min_trust=Trust.ASSISTED)})


def situation() -> Situation:
    return Situation(
        now=NOW,
        environment="sandbox",
        incident_id="inc_1",
        killed=None,
        recent=(),
        open_incidents=1,
        confidence=0.9,
        signals=3,
        trust=None,
        healthy_peers=0,
        replicas=1,
        change_in_progress=False,
    )


def mitigation(state: MitigationState, *, minutes_ago: float = 1, target: str = "orders") -> Mitigation:
    at = NOW - timedelta(minutes=minutes_ago)
    return Mitigation(
        id="mit_0",
        incident_id="inc_0",
        hypothesis_id="h",
        action=Action(kind=ActionKind.RESTART, target=target),
        way_back=None,
        tier=Tier.LOW,
        expected_effect="",
        blast_radius="",
        check=Check(expression="x > 1", services=("orders",), stable_seconds=1, within_seconds=2),
        target_version=1,
        baseline_score=1,
        evidence_digest="",
        policy_version="p@1",
        proposed_by="engine",
        proposed_at=at,
        expires_at=at + timedelta(minutes=15),
        state=state,
        executed_at=at,
    )


@pytest.mark.criterion(64)
def test_with_default_settings_no_action_is_automatic() -> None:
    for kind in ActionKind:
        action = Action(kind=kind, target="orders", parameters={"replicas": 2, "flag": "x"})
        ruling = rule_on(Policy(), action, replace(situation(), environment="production"))
        assert ruling.permission is not Permission.AUTOMATIC


def test_a_confident_well_evidenced_action_is_automatic_where_the_environment_says_so() -> None:
    ruling = rule_on(AUTO, RESTART, situation())
    assert (ruling.permission, ruling.rule) == (Permission.AUTOMATIC, "mode.auto")


@pytest.mark.criterion(67)
@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"killed": "drill"}, "kill_switch"),
        ({"change_in_progress": True}, "concurrency.human_change"),
        ({"recent": (mitigation(MitigationState.VERIFIED),)}, "cooldown"),
        ({"recent": (mitigation(MitigationState.UNKNOWN, minutes_ago=300),)}, "unknown_outcome"),
        ({"recent": tuple(mitigation(MitigationState.VERIFIED, minutes_ago=100 * n) for n in (1, 2, 3))},
         "rates.per_target_24h"),
        ({"recent": (mitigation(MitigationState.EXECUTED, minutes_ago=20),)}, "concurrency.per_target"),
    ],
)  # fmt: skip
def test_an_objection_denies_and_names_its_rule(changed: dict[str, object], rule: str) -> None:
    ruling = rule_on(AUTO, RESTART, replace(situation(), **changed))  # type: ignore[arg-type]  # fields by name
    assert (ruling.permission, ruling.rule) == (Permission.DENIED, rule)


@pytest.mark.criterion(72)
def test_the_same_action_is_blocked_within_its_cooldown_and_free_after_it() -> None:
    soon = replace(situation(), recent=(mitigation(MitigationState.VERIFIED, minutes_ago=14),))
    later = replace(situation(), recent=(mitigation(MitigationState.VERIFIED, minutes_ago=16),))
    assert rule_on(AUTO, RESTART, soon).rule == "cooldown"
    assert rule_on(AUTO, RESTART, later).permission is Permission.AUTOMATIC


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"open_incidents": 21}, "storm"),
        ({"signals": 1}, "evidence.independent_signals"),
        ({"confidence": 0.79}, "evidence.min_confidence"),
        ({"trust": Trust.SHADOW, "confidence": 1.0}, "trust"),
        ({"environment": "production"}, "mode"),
    ],
)
def test_a_doubt_asks_a_person(changed: dict[str, object], rule: str) -> None:
    ruling = rule_on(AUTO, RESTART, replace(situation(), **changed))  # type: ignore[arg-type]  # fields by name
    assert (ruling.permission, ruling.rule) == (Permission.NEEDS_APPROVAL, rule)
    assert ruling.approvals_needed == 1


@pytest.mark.criterion(63)
def test_a_trusted_skill_does_not_lift_an_action_out_of_its_tier() -> None:
    policy = parse(
        "environments: {sandbox: {mode: auto, min_trust: assisted}}\nactions: {restart: {tier: high}}",
        where="policy.yaml",
    )
    ruling = rule_on(policy, RESTART, replace(situation(), trust=Trust.AUTO))
    assert (ruling.permission, ruling.tier, ruling.approvals_needed) == (
        Permission.NEEDS_APPROVAL,
        Tier.HIGH,
        2,
    )


def test_a_verb_without_a_rule_is_impossible() -> None:
    policy = parse("actions: {restart: {}}\nenvironments: {sandbox: {mode: auto}}", where="policy.yaml")
    action = Action(kind=ActionKind.ROLLBACK, target="orders", parameters={"to": "abc"})
    assert rule_on(policy, action, situation()).rule == "actions.unlisted"


@pytest.mark.parametrize("replicas", [0, 5, "three"])
def test_scaling_out_of_bounds_is_denied(replicas: int | str) -> None:
    action = Action(kind=ActionKind.SCALE, target="orders", parameters={"replicas": replicas})
    assert rule_on(AUTO, action, replace(situation(), replicas=2)).rule == "actions.scale"


def test_a_freeze_allows_only_restoring_a_known_state() -> None:
    policy = parse(
        "environments: {sandbox: {mode: auto}}\n"
        'freeze: [{name: peak, days: [fri], start: "13:00", end: "15:00"}]',
        where="policy.yaml",
    )
    rollback = Action(kind=ActionKind.ROLLBACK, target="orders", parameters={"to": "abc"})
    assert rule_on(policy, RESTART, situation()).rule == "freeze"
    assert rule_on(policy, rollback, situation()).permission is Permission.AUTOMATIC
    assert rule_on(policy, RESTART, replace(situation(), now=NOW + timedelta(hours=2))).rule != "freeze"


@pytest.mark.parametrize("author", ["model:big", "person:ann", "somebody", "", "Engine", "model:engine"])
def test_the_word_of_a_model_or_person_alone_is_never_acted_on_without_a_yes(author: str) -> None:
    ruling = rule_on(AUTO, RESTART, replace(situation(), author=author, confidence=1.0, signals=9))
    assert (ruling.permission, ruling.rule) == (
        Permission.NEEDS_APPROVAL,
        "evidence.automatic_authors",
    )
    assert ruling.approvals_needed >= 1


def test_whose_finding_may_be_acted_on_is_written_in_the_policy() -> None:
    head = "apiVersion: autoheal/v1\nkind: ActionPolicy\nmode: auto\n"
    policy = parse(f"{head}evidence: {{automatic_authors: [engine, model]}}\n", where="policy.yaml")
    rules = {
        author: rule_on(policy, RESTART, replace(situation(), author=author)).rule
        for author in ("model:big", "person:ann")
    }
    assert rules["model:big"] != "evidence.automatic_authors"
    assert rules["person:ann"] == "evidence.automatic_authors"
