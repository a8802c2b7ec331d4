"""The five learning actions on a real repository: each with its proof, or a reason why there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.acceptance.learning_case import BUG, START, Fault, World, at

from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.errors import ConflictError, RefusedError
from autoheal.domain.fact import Method, NodeKind, Relation, urn
from autoheal.domain.incident import TimelineEntry
from autoheal.domain.investigation import Mechanism, VerdictKind
from autoheal.domain.mitigation import ActionKind
from autoheal.domain.proposal import Proposal, ProposalKind, ProposalState
from autoheal.learning.postmortem import postmortem_of

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def bad_deploy(world: World) -> Fault:
    """A deploy after which pricing fails for small quantities."""
    fault = Fault(id="inc_1", change=world.bad_deploy())
    world.price_requests(fault)
    world.heal(fault)
    return fault


def false_alarm(world: World, *, peak: float = 0.1, begins: float = 2_000.0, lasts: float = 20.0) -> Fault:
    """A short bump of the error ratio above the threshold, judged to be noise."""
    fault = Fault(
        id="inc_noise",
        service="catalog",
        hurting=(),
        begins=begins,
        ends=begins + lasts,
        peak=peak,
        verdict=VerdictKind.NOISE,
        action=None,
    )
    world.heal(fault)
    return fault


def checks(proposal: Proposal) -> list[str]:
    assert proposal.proof is not None, proposal.reason
    return list(proposal.proof.checks.values())


@pytest.mark.criterion(77)
def test_the_fix_has_a_test_that_failed_before_and_passes_after(world: World) -> None:
    fault = bad_deploy(world)
    fix = world.lesson(ProposalKind.FIX, fault.id)
    before, after, whole, room = checks(fix)
    assert "fails, as it should: AssertionError: POST /price answered {'status': 500" in before
    assert after.startswith("passed")
    assert whole.startswith("passed")
    assert room == world.lessons.prover.isolation
    assert BUG[1] in (world.forge.read("shop", BUG[0], at=fix.head) or "")
    assert BUG[1] not in (world.forge.read("shop", BUG[0]) or ""), "main stays as it is until a person merges"


@pytest.mark.criterion(77)
def test_a_culprit_behind_a_decoy_commit_is_found_by_the_test(world: World) -> None:
    change = world.bad_deploy()
    decoy = world.edit("services/pricing/app.py", "Percent off", "The percent off", message="Say it better")
    change = replace(change, id="deploy-2", commit=decoy)
    world.changes.add(change)
    fault = Fault(id="inc_1", change=change)
    world.price_requests(fault)
    world.heal(fault)
    fix = world.lesson(ProposalKind.FIX, fault.id)
    assert "Simplify the discount" in fix.body
    text = world.forge.read("shop", "services/pricing/app.py", at=fix.head) or ""
    assert BUG[1] in text
    assert "The percent off" in text, "the innocent commit stays"


@pytest.mark.criterion(77)
def test_a_leak_is_shown_by_asking_often(world: World) -> None:
    leak = "    app.kept = [*getattr(app, 'kept', []), pool.connection()]\n    app.kept[-1].__enter__()\n"
    line = "    name, cents, category = found[0]\n"
    commit = world.edit("services/catalog/app.py", line, leak + line, message="Audit every access")
    change = Change(
        id="d", kind=ChangeKind.DEPLOY, entity="catalog", time=START + 2_995, title="v2", commit=commit
    )
    world.changes.add(change)
    fault = Fault(id="inc_1", service="catalog", change=change, mechanism=Mechanism.RESOURCE_EXHAUSTION)
    world.product_requests(fault)
    world.heal(fault)
    fix = world.lesson(ProposalKind.FIX, fault.id)
    assert "'status': 503" in checks(fix)[0]
    assert "times over" in (fix.proof.summary if fix.proof else "")


@pytest.mark.criterion(77)
@pytest.mark.criterion(85)
def test_a_revert_that_no_test_can_show_is_not_opened(world: World) -> None:
    commit = world.edit("services/pricing/app.py", "Percent off", "The percent off", message="Say it better")
    change = Change(
        id="d", kind=ChangeKind.DEPLOY, entity="pricing", time=START + 2_995, title="v2", commit=commit
    )
    world.changes.add(change)
    fault = Fault(id="inc_1", change=change)
    world.price_requests(fault)
    world.heal(fault)
    fix = world.lesson(ProposalKind.FIX, fault.id)
    assert fix.state is ProposalState.NOTHING
    assert "no test fails before and passes after" in fix.reason
    assert "on main as it is" in fix.reason


@pytest.mark.criterion(77)
def test_a_changed_value_is_restored_with_a_test(world: World) -> None:
    world.edit("config/pricing.json", '"tax_percent": 19', '"tax_percent": "19"', message="Quote the tax")
    change = Change(
        id="c",
        kind=ChangeKind.CONFIG,
        entity="pricing",
        time=START + 2_995,
        key="tax_percent",
        before="19",
        after='"19"',
    )
    world.changes.add(change)
    fault = Fault(
        id="inc_1", change=change, mechanism=Mechanism.CONFIGURATION, action=ActionKind.RESTORE_CONFIG
    )
    world.price_requests(fault)
    world.heal(fault)
    fix = world.lesson(ProposalKind.FIX, fault.id)
    assert checks(fix)[0].startswith("fails, as it should")
    assert '"tax_percent": 19,' in (world.forge.read("shop", "config/pricing.json", at=fix.head) or "")


@pytest.mark.criterion(85)
def test_a_killed_process_has_no_code_to_undo(world: World) -> None:
    fault = Fault(id="inc_1", mechanism=Mechanism.CRASH, action=ActionKind.RESTART)
    world.heal(fault)
    fix = world.lesson(ProposalKind.FIX, fault.id)
    assert (fix.state, fix.branch) == (ProposalState.NOTHING, "")
    assert fix.reason == "no change caused it (crash): no code is to be undone"


@pytest.mark.criterion(79)
def test_the_new_alert_would_have_shown_the_recorded_incident_sooner(world: World) -> None:
    fault = bad_deploy(world)
    found = world.lesson(ProposalKind.OBSERVABILITY, fault.id)
    sooner, quiet, checked, tested, room = checks(found)
    assert sooner == "passed: 15 s sooner"
    assert quiet.startswith("passed: 0 extra pages in")
    assert (checked, tested, room) == ("passed", "passed", world.lessons.prover.isolation)
    files = world.forge.files("shop", "alerts", at=found.head)
    assert "alerts/EarlyPricingRequestsErrorRatio.yml" in files


def test_an_alert_that_would_also_fire_on_quiet_days_is_not_proposed(world: World) -> None:
    world.faults.append(Fault(id="unrecorded", begins=1_500, ends=1_800, peak=0.5))
    fault = bad_deploy(world)
    found = world.lesson(ProposalKind.OBSERVABILITY, fault.id)
    assert found.state is ProposalState.NOTHING
    assert "never without firing on quiet history" in found.reason


@pytest.mark.criterion(80)
def test_a_false_alarm_is_made_quieter_without_losing_the_true_incident(world: World) -> None:
    bad_deploy(world)
    noise = false_alarm(world)
    found = world.lesson(ProposalKind.ALERT_TUNING, noise.id)
    pages, caught, delay, checked = checks(found)
    assert pages == "2 before, 1 after"
    assert caught == "passed: 1 of 1"
    assert delay == "+0 s at most"
    assert checked == "passed"
    assert "/ sum by (service)" in (world.forge.read("shop", "alerts/shop.yml", at=found.head) or "")


@pytest.mark.criterion(80)
def test_a_rule_that_always_holds_gets_another_threshold_and_no_longer_wait(world: World) -> None:
    noise = false_alarm(world, begins=600.0, lasts=3_300.0)
    found = world.lesson(ProposalKind.ALERT_TUNING, noise.id)
    assert checks(found)[0] == "1 before, 0 after"
    text = world.forge.read("shop", "alerts/shop.yml", at=found.head) or ""
    assert "> 0.11" in text
    assert text.count("for: 3s") == 2, "the wait of every rule stays"


@pytest.mark.criterion(81)
def test_a_tuning_that_would_have_hidden_a_true_incident_is_refused(world: World) -> None:
    mild = Fault(id="inc_mild", begins=2_600, ends=2_618, peak=0.09)
    world.heal(mild)
    noise = false_alarm(world, peak=0.3, lasts=60)
    found = world.lesson(ProposalKind.ALERT_TUNING, noise.id)
    assert (found.state, found.branch) == (ProposalState.NOTHING, "")
    assert "refused" in found.reason
    assert "would have hidden the true incident(s) inc_mild" in found.reason


@pytest.mark.criterion(85)
def test_a_false_alarm_teaches_nothing_else_and_says_why(world: World) -> None:
    noise = false_alarm(world)
    found = world.learn(noise.id)
    others = [p for kind, p in found.items() if kind is not ProposalKind.ALERT_TUNING]
    assert {p.state for p in others} == {ProposalState.NOTHING}
    assert all(p.reason for p in others)
    assert len({p.reason for p in others}) == len(others)


@pytest.mark.criterion(82)
def test_only_facts_that_were_absent_are_recorded_and_a_merge_makes_them_known(world: World) -> None:
    fault = bad_deploy(world)
    first = world.lesson(ProposalKind.DECISION_TRACE, fault.id)
    page = world.forge.read("context", "decisions/inc_1.md", at=first.head) or ""
    assert page.count("| `ah:failure_mode:default/errors/deploy` |") == 3
    assert "ev_" in page
    world.lessons.merge(first.id, actor="ann")
    mode = urn(NodeKind.FAILURE_MODE, "errors/deploy")
    known = world.database.graph.facts(subject=mode, relation=Relation.MITIGATED_BY)
    assert [(f.object, f.provenance[0].method, f.provenance[0].actor) for f in known] == [
        ("ah:action:default/rollback", Method.HUMAN, "ann")
    ]
    again = replace(fault, id="inc_2", begins=3_300.0, ends=3_390.0)
    world.heal(again)
    second = world.lesson(ProposalKind.DECISION_TRACE, again.id)
    assert second.state is ProposalState.NOTHING
    assert second.reason == "all 3 fact(s) of this incident were already known"


@pytest.mark.criterion(87)
def test_a_rejected_proposal_is_not_raised_again_unchanged(world: World) -> None:
    fault = bad_deploy(world)
    fix = world.lesson(ProposalKind.FIX, fault.id)
    no = replace(
        fix.move(ProposalState.REJECTED),
        decided_by="ann",
        reason="we roll forward",
        decided_at=world.clock.at,
    )
    world.database.proposals.save(no)
    again = replace(fault, id="inc_2", begins=3_300.0, ends=3_390.0)
    world.price_requests(again)
    world.heal(again)
    second = world.lesson(ProposalKind.FIX, again.id)
    assert second.state is ProposalState.NOTHING
    assert second.reason == f"ann rejected the same proposal ({fix.id}): we roll forward"


def test_one_cause_is_proposed_once(world: World) -> None:
    fault = bad_deploy(world)
    fix = world.lesson(ProposalKind.FIX, fault.id)
    again = replace(fault, id="inc_2", begins=3_300.0, ends=3_390.0)
    world.price_requests(again)
    world.heal(again)
    second = world.lesson(ProposalKind.FIX, again.id)
    assert second.reason == f"the same is already proposed as {fix.id}, from incident inc_1"


@pytest.mark.criterion(88)
def test_a_repeated_run_opens_nothing_twice(world: World) -> None:
    fault = bad_deploy(world)
    first = world.learn(fault.id)
    head = world.forge.head("shop", first[ProposalKind.FIX].branch)
    assert world.learn(fault.id) == first
    assert world.forge.head("shop", first[ProposalKind.FIX].branch) == head
    states = {proposal.state for proposal in first.values()}
    assert states == {ProposalState.PROPOSED, ProposalState.NOTHING}


@pytest.mark.criterion(86)
@pytest.mark.criterion(88)
def test_only_a_person_merges_and_the_state_follows(world: World) -> None:
    fault = bad_deploy(world)
    fix = world.lesson(ProposalKind.FIX, fault.id)
    with pytest.raises(RefusedError, match="a named person merges"):
        world.lessons.merge(fix.id, actor="autoheal")
    assert world.database.proposals.get(fix.id).state is ProposalState.PROPOSED
    merged = world.lessons.merge(fix.id, actor="Ann Example")
    assert (merged.state, merged.decided_by) == (ProposalState.MERGED, "Ann Example")
    assert world.database.proposals.get(fix.id) == merged
    assert BUG[1] in (world.forge.read("shop", BUG[0]) or "")
    with pytest.raises(ConflictError):
        world.lessons.merge(fix.id, actor="Ann Example")


def test_a_merged_fix_is_a_pull_request_of_the_graph_that_resolves_its_incident(world: World) -> None:
    fault = bad_deploy(world)
    fix = world.lesson(ProposalKind.FIX, fault.id)
    world.lessons.merge(fix.id, actor="Ann Example")
    request = urn(NodeKind.CHANGE, fix.id)
    graph = world.database.graph
    told = {fact.relation: fact for fact in graph.facts(subject=request)}
    assert told[Relation.CONTAINS].object == urn(NodeKind.CHANGE, world.forge.head("shop"))
    assert told[Relation.APPROVED_BY].object == urn(NodeKind.PERSON, "Ann Example")
    (resolved,) = graph.facts(object=request, relation=Relation.RESOLVED_BY)
    assert resolved.subject == urn(NodeKind.INCIDENT, fault.id)
    assert resolved.provenance[0].method is Method.HUMAN


@pytest.mark.criterion(92)
def test_the_postmortem_draft_cites_evidence_and_is_not_published(world: World) -> None:
    fault = bad_deploy(world)
    hostile = "<!-- x -->\n## Published by nobody ---"
    entry = TimelineEntry(at=at(3_010), kind="symptom", text=hostile, actor="autoheal", evidence=("ev_1",))
    world.database.incidents.add_timeline(fault.id, entry)
    world.lesson(ProposalKind.ALERT_TUNING, fault.id)
    text = postmortem_of(world.lessons, fault.id)
    assert "no outcome" not in text
    assert "Not published." in text
    assert "| onset | 2023-11-14 23:03:20 UTC |" in text
    assert "- for: " in text
    assert "(ev_1)" in text
    assert "\n## Published by nobody" not in text
    assert "alert_tuning, nothing: HighErrorRate spoke of a true fault" in text


def test_a_repository_that_is_gone_costs_no_other_lesson(world: World) -> None:
    fault = bad_deploy(world)
    gone = world.lessons.settings.model_copy(update={"code_repository": "gone"})
    world.lessons = replace(world.lessons, settings=gone)
    found = world.learn(fault.id)
    assert "no repository 'gone' is configured" in found[ProposalKind.OBSERVABILITY].reason
    assert found[ProposalKind.SKILL].state is ProposalState.PROPOSED
