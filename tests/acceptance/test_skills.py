"""What an incident taught answers the next one: on another service, without a model, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from skills_ref.validator import validate  # type: ignore[import-untyped]  # ships no types
from tests.acceptance.learning_case import CALLS, START, Fault, World, at

from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.investigation import Mechanism
from autoheal.domain.mitigation import Action, ActionKind, MitigationState, Tier
from autoheal.domain.proposal import Proposal, ProposalKind, ProposalState
from autoheal.domain.skill import Trust
from autoheal.healing.recall import NotRecalled, Recalled, Situation, recall
from autoheal.healing.skill_run import Moment
from autoheal.policy.policy import ActionRule, Mode, Policy
from autoheal.policy.ruling import Permission, rule_on
from autoheal.policy.ruling import Situation as Ruled

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def deploy(world: World, service: str, begins: float) -> Change:
    """A deploy shortly before something begins."""
    change = Change(
        id=f"deploy-{service}-{begins:.0f}",
        kind=ChangeKind.DEPLOY,
        entity=service,
        time=START + begins - 5,
        title="next release",
        commit=world.forge.head("shop"),
    )
    world.changes.add(change)
    return change


def taught(world: World) -> Proposal:
    """The first incident of the family, healed by a full investigation; its Skill PR."""
    world.edit("README.md", "A small web shop", "A web shop")
    fault = Fault(id="inc_1", change=deploy(world, "pricing", 2_600.0), begins=2_600.0, ends=2_690.0)
    world.heal(fault)
    found = world.lesson(ProposalKind.SKILL, fault.id)
    assert found.state is ProposalState.PROPOSED, found.reason
    return found


def merged(world: World) -> str:
    """The name of the skill after a person merged it."""
    world.lessons.merge(taught(world).id, actor="ann")
    (skill,) = world.lessons.skills.skills()
    return skill.name


def answer(world: World, fault: Fault) -> Recalled | NotRecalled:
    """What memory says, live, 20 seconds after the alert."""
    world.faults.append(fault)
    world.telemetry()
    graph = world.database.graph
    known = [replace(skill, trust=graph.trust(skill.name)) for skill in world.lessons.skills.skills()]
    situation = Situation(
        incident_id=fault.id,
        alerts=[{"alertname": fault.alert, "service": name} for name in fault.hurting],
        services=fault.hurting,
        origin=None,
        signature="",
        calls=CALLS,
        moment=Moment(alerted=START + fault.alerted, now=START + fault.looked),
    )
    return recall(situation, known, world.gatherer.for_stage(fault.id, "recall"), world.lessons.healing)


def queries(world: World, incident_id: str) -> int:
    return sum(entry.queries for entry in world.database.incidents.costs(incident_id))


@pytest.mark.criterion(58)
@pytest.mark.parametrize("service", ["pricing", "payments", "catalog"])
def test_the_next_of_the_family_is_answered_by_two_queries_on_any_service(world: World, service: str) -> None:
    name = merged(world)
    deploy(world, service, 3_400.0)
    second = Fault(id="inc_2", service=service, begins=3_400.0, ends=3_490.0, peak=0.3)
    found = answer(world, second)
    assert isinstance(found, Recalled), found
    assert (found.service, found.mitigation, found.skill.name) == (service, ActionKind.ROLLBACK, name)
    assert (found.hypothesis.mechanism, found.hypothesis.shows_as) == (Mechanism.DEPLOY, Mechanism.ERRORS)
    assert queries(world, "inc_2") == 2
    assert queries(world, "inc_1") > 2


@pytest.mark.criterion(58)
def test_without_the_skill_the_saving_is_gone(world: World) -> None:
    taught(world)
    deploy(world, "payments", 3_400.0)
    found = answer(world, Fault(id="inc_2", service="payments", begins=3_400.0, ends=3_490.0))
    assert isinstance(found, NotRecalled), "what is only proposed answers nothing"


@pytest.mark.criterion(61)
def test_another_failure_with_the_same_alert_is_not_answered(world: World) -> None:
    merged(world)
    found = answer(world, Fault(id="inc_2", service="payments", begins=3_400.0, ends=3_490.0))
    assert isinstance(found, NotRecalled), "no deploy: it is not this family"


@pytest.mark.criterion(61)
def test_a_decoy_deploy_and_a_calm_false_alarm_are_not_answered(world: World) -> None:
    merged(world)
    deploy(world, "inventory", 3_400.0)
    decoy = Fault(id="inc_2", service="payments", begins=3_400.0, ends=3_490.0)
    assert isinstance(answer(world, decoy), NotRecalled)
    deploy(world, "catalog", 3_700.0)
    calm = Fault(id="inc_3", service="catalog", begins=3_700.0, ends=3_790.0, peak=0.011)
    assert isinstance(answer(world, calm), NotRecalled)


def test_a_written_skill_is_a_valid_agent_skill(world: World) -> None:
    proposal = taught(world)
    name = proposal.branch.rpartition("/")[2]
    with world.forge.worktree("context", proposal.head) as folder:
        assert validate(folder / "skills" / name) == []


def test_a_skill_is_not_proposed_when_it_would_blame_the_innocent(world: World) -> None:
    change = deploy(world, "catalog", 2_000.0)
    world.heal(Fault(id="inc_0", service="catalog", change=change, begins=2_000.0, ends=2_090.0))
    other = replace(world.database.mitigations.get("mit-inc_0"), state=MitigationState.UNDONE)
    restarted = replace(
        other,
        id="mit-2",
        action=replace(other.action, kind=ActionKind.RESTART),
        state=MitigationState.VERIFIED,
    )
    world.database.mitigations.save(other)
    world.database.mitigations.save(restarted)
    fault = Fault(id="inc_1", change=deploy(world, "pricing", 2_600.0), begins=2_600.0, ends=2_690.0)
    world.heal(fault)
    found = world.lesson(ProposalKind.SKILL, fault.id)
    assert found.state is ProposalState.NOTHING
    assert "inc_0: it would rollback, but restart helped" in found.reason


@pytest.mark.criterion(97)
def test_errors_alone_without_a_change_to_blame_teach_no_skill(world: World) -> None:
    fault = Fault(id="inc_1", action=ActionKind.RESTART, begins=2_600.0, ends=2_690.0)
    world.heal(fault)
    found = world.lesson(ProposalKind.SKILL, fault.id)
    assert found.state is ProposalState.NOTHING
    assert "any failure looks so" in found.reason


@pytest.mark.criterion(84)
def test_the_same_failure_again_adds_nothing(world: World) -> None:
    merged(world)
    again = Fault(
        id="inc_2",
        service="payments",
        change=deploy(world, "payments", 3_400.0),
        begins=3_400.0,
        ends=3_490.0,
    )
    world.heal(again)
    found = world.lesson(ProposalKind.SKILL, again.id)
    assert found.state is ProposalState.NOTHING
    assert "already covers this failure: a fork would add nothing" in found.reason


@pytest.mark.criterion(84)
def test_while_a_proposal_waits_the_same_failure_opens_no_second_one(world: World) -> None:
    waiting = taught(world)
    change = deploy(world, "payments", 3_400.0)
    again = Fault(id="inc_2", service="payments", change=change, begins=3_400.0, ends=3_490.0, peak=0.4)
    world.heal(again)
    found = world.lesson(ProposalKind.SKILL, again.id)
    assert found.state is ProposalState.NOTHING
    assert f"{waiting.id} already proposes" in found.reason


@pytest.mark.criterion(84)
def test_a_near_duplicate_is_merged_into_the_skill_instead_of_forked(world: World) -> None:
    name = merged(world)
    other = Fault(
        id="inc_2",
        service="payments",
        change=deploy(world, "payments", 3_400.0),
        begins=3_400.0,
        ends=3_490.0,
        alert="CheckoutFailing",
    )
    world.heal(other)
    found = world.lesson(ProposalKind.SKILL, other.id)
    assert found.branch.endswith(f"/skill/{name}")
    assert "wider now: alerts" in found.body
    world.lessons.merge(found.id, actor="ann")
    (skill,) = world.lessons.skills.skills()
    assert (skill.name, skill.version) == (name, 2)
    assert skill.incidents == ("inc_1", "inc_2")
    asked = {matcher.value for block in skill.match.alerts for matcher in block}
    assert asked == {"HighErrorRate", "CheckoutFailing", "Early.*"}


@pytest.mark.criterion(63)
def test_a_merged_skill_is_assisted_and_its_action_keeps_the_tier_of_the_policy(world: World) -> None:
    name = merged(world)
    assert world.database.graph.trust(name) is Trust.ASSISTED
    deploy(world, "payments", 3_400.0)
    found = answer(world, Fault(id="inc_2", service="payments", begins=3_400.0, ends=3_490.0))
    assert isinstance(found, Recalled)
    assert found.mitigation is not None
    rule = ActionRule(tier=Tier.HIGH)
    policy = Policy(mode=Mode.AUTO, actions={found.mitigation: rule})
    ruling = rule_on(policy, Action(kind=found.mitigation, target=found.service), calm(found))
    assert ruling.tier is Tier.HIGH
    assert ruling.permission is not Permission.AUTOMATIC


def calm(found: Recalled) -> Ruled:
    """A situation in which nothing but tier and trust could object."""
    return Ruled(
        now=at(3_430),
        environment="sandbox",
        incident_id="inc_2",
        killed=None,
        recent=(),
        open_incidents=1,
        confidence=1.0,
        signals=5,
        trust=found.skill.trust,
        healthy_peers=3,
        replicas=3,
        change_in_progress=False,
    )
