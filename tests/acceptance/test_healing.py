"""The healing loop from an alert to its end, on the real stores: what is found, decided, done and undone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.acceptance.healing_case import ASKS, Case
from tests.attacks.production import ALERTS, AUTO, BREAKS, CULPRIT, START

from autoheal.domain.approval import Decision
from autoheal.domain.decision_trace import PARTS
from autoheal.domain.evidence import Found
from autoheal.domain.incident import Incident, IncidentState, Outcome
from autoheal.domain.investigation import HypothesisState, Investigation, VerdictKind
from autoheal.domain.mitigation import ActionKind, Mitigation, MitigationState
from autoheal.healing.check_claims import objection_to
from autoheal.healing.stored import stored_evidence
from autoheal.healing.trace import compose, rebuild_verdict, render, verdict_text
from autoheal.integrations.memory.actuator import Effect, Fault
from autoheal.policy.approvers import objection
from autoheal.policy.policy import ApprovalRule, Policy
from autoheal.recording.case_folder import load_case
from autoheal.recording.replay import replay

Make = Callable[..., Case]


def yes(case: Case, mitigation: Mitigation) -> None:
    case.decide(mitigation, Decision.APPROVED)


def investigations(case: Case, incident: Incident) -> list[Investigation]:
    return list(case.database.incidents.investigations(incident.id))


# ---------------------------------------------------------------- what is found


@pytest.mark.criterion(14)
def test_the_first_question_is_asked_within_ten_seconds_and_before_any_person_did_anything(
    make: Make,
) -> None:
    case = make(policy=ASKS, people=yes)
    incident = case.heal()
    asked = min(e.asked_at for e in case.database.incidents.evidence_of(incident.id))
    assert asked - incident.opened_at <= timedelta(seconds=10)
    (mitigation,) = case.mitigations()
    said = case.database.mitigations.approvals(mitigation.id)
    assert all(asked < approval.decided_at for approval in said)


@pytest.mark.criterion(27)
def test_what_was_recorded_replays_to_the_same_ranking_as_live(make: Make) -> None:
    case = make(policy=AUTO)
    incident = case.heal()
    recorded = load_case(case.folder / "cases" / incident.id)
    document = replay(recorded)
    live = investigations(case, incident)[-1]
    accepted = live.leading
    assert accepted is not None
    ranking = document["ranking"]
    assert isinstance(ranking, list)
    first = ranking[0]
    assert (first["entity"], first["score"]) == (accepted.entity, pytest.approx(accepted.score, abs=1e-6))
    assert document["onset"] == live.onset
    assert (recorded.summary, recorded.services) == (incident.title, incident.services)


@pytest.mark.criterion(18)
def test_a_fault_without_recorded_evidence_is_inconclusive_and_says_what_is_missing(make: Make) -> None:
    case = make(policy=AUTO)
    case.metrics.broken = "connection refused"
    incident = case.heal()
    assert case.done() == []
    assert incident.outcome is Outcome.ESCALATED
    last = investigations(case, incident)[-1]
    assert last.verdict.kind is VerdictKind.INCONCLUSIVE
    assert any("connection refused" in missing for missing in last.verdict.missing)
    assert "connection refused" in case.pager.pages[0].text


@pytest.mark.criterion(19)
def test_a_false_alarm_is_noise_with_evidence_and_nothing_is_proposed(make: Make) -> None:
    case = make(policy=AUTO, breaks=False)
    incident = case.heal()
    assert (incident.state, incident.outcome) == (IncidentState.CLOSED, Outcome.NOISE)
    assert case.mitigations() == []
    assert case.pager.pages == []
    evidence = case.database.incidents.evidence_of(incident.id)
    assert any(isinstance(item.answer, Found) for item in evidence)


@pytest.mark.criterion(20)
def test_every_claim_resolves_to_a_stored_query_with_its_result_and_time_range(make: Make) -> None:
    case = make(policy=AUTO)
    incident = case.heal()
    evidence, rows = stored_evidence(case.loop.responder, incident.id)
    claims = [
        claim
        for investigation in investigations(case, incident)
        for hypothesis in investigation.hypotheses
        for claim in (*hypothesis.claims_for, *hypothesis.claims_against)
    ]
    assert len(claims) > 3
    for claim in claims:
        assert claim.readings
        assert objection_to(claim, evidence, rows) is None
        for reading in claim.readings:
            cited = evidence[reading.evidence_id]
            assert cited.expression
            assert cited.start <= cited.end
            assert rows[cited.id]


@pytest.mark.criterion(21)
def test_a_number_that_was_altered_after_the_fact_is_rejected(make: Make) -> None:
    case = make(policy=AUTO)
    incident = case.heal()
    evidence, rows = stored_evidence(case.loop.responder, incident.id)
    leading = investigations(case, incident)[0].leading
    assert leading is not None
    for claim in leading.claims_for:
        told = claim.readings[-1]
        altered = replace(claim, readings=(*claim.readings[:-1], replace(told, value=told.value + 0.5)))
        assert objection_to(altered, evidence, rows) is not None


@pytest.mark.criterion(27)
def test_the_same_recording_gives_the_same_questions_and_the_same_verdict(make: Make) -> None:
    def told(case: Case) -> tuple[object, ...]:
        incident = case.heal()
        asked = sorted(
            (e.stage, e.source, e.expression, e.start, e.end)
            for e in case.database.incidents.evidence_of(incident.id)
        )
        found = [
            (h.entity, h.mechanism, h.score, h.state, [c.text for c in h.claims_for])
            for i in investigations(case, incident)
            for h in i.hypotheses
        ]
        return asked, found, [verdict_text(i) for i in investigations(case, incident)]

    assert told(make(policy=AUTO)) == told(make(policy=AUTO))


# ---------------------------------------------------------------- the trace


@pytest.mark.criterion(30)
@pytest.mark.parametrize("breaks", [True, False])
def test_every_finished_investigation_leaves_all_five_parts(make: Make, breaks: bool) -> None:  # noqa: FBT001
    case = make(policy=AUTO, breaks=breaks)
    incident = case.heal()
    evidence = case.database.incidents.evidence_of(incident.id)
    for investigation in investigations(case, incident):
        body: dict[str, Any] = compose(investigation, evidence)
        assert set(PARTS) <= body.keys()
        assert {source["id"] for source in body["sources"]} == {item.id for item in evidence}
        assert all(source["answer"] for source in body["sources"])
        assert len(body["hypotheses"]) == len(body["arguments"]) == len(investigation.hypotheses)
        assert body["path"]
        assert body["confidence"]["reason"]
        assert 0 <= body["confidence"]["value"] <= 1


@pytest.mark.criterion(31)
def test_whatever_was_not_accepted_has_counter_evidence_or_a_reason_why_it_was_not_tested(
    make: Make,
) -> None:
    case = make(policy=AUTO)
    incident = case.heal()
    others = [
        hypothesis
        for investigation in investigations(case, incident)
        for hypothesis in investigation.hypotheses
        if hypothesis.state is not HypothesisState.ACCEPTED
    ]
    assert others
    for hypothesis in others:
        assert hypothesis.claims_against or hypothesis.not_tested_because, hypothesis.statement


@pytest.mark.criterion(32)
@pytest.mark.parametrize("breaks", [True, False])
def test_verdict_and_page_are_rebuilt_from_the_trace_alone(make: Make, breaks: bool) -> None:  # noqa: FBT001
    case = make(policy=AUTO, breaks=breaks)
    incident = case.heal()
    evidence = case.database.incidents.evidence_of(incident.id)
    first = investigations(case, incident)[0]
    body = compose(first, evidence)
    case.metrics.broken = case.changes.broken = "the network is off"
    assert rebuild_verdict(body) == verdict_text(first)
    assert verdict_text(first) in render(body)


# ---------------------------------------------------------------- decided by people


@pytest.mark.criterion(68)
def test_what_is_proposed_says_its_effect_its_reach_its_way_back_and_its_check(make: Make) -> None:
    case = make(policy=ASKS)
    case.heal()
    (mitigation,) = case.mitigations()
    assert mitigation.expected_effect
    assert CULPRIT in mitigation.blast_radius
    assert mitigation.way_back is not None
    assert (mitigation.way_back.kind, mitigation.way_back.target) == (ActionKind.ROLLBACK, CULPRIT)
    assert mitigation.check.expression
    assert mitigation.check.within_seconds > mitigation.check.stable_seconds > 0


@pytest.mark.criterion(65)
def test_a_yes_to_anything_but_this_very_action_lets_nothing_happen(make: Make) -> None:
    def other(case: Case, mitigation: Mitigation) -> None:
        changed = replace(mitigation, target_version=mitigation.target_version + 1)
        case.decide(mitigation, Decision.APPROVED, digest=changed.digest)
        case.live(300.0)

    case = make(policy=ASKS, people=other)
    incident = case.heal()
    assert case.done() == []
    assert case.mitigations()[0].state is MitigationState.EXPIRED
    assert incident.outcome is Outcome.ESCALATED


def test_a_no_ends_it_in_a_persons_hands(make: Make) -> None:
    case = make(policy=ASKS, people=lambda case, m: case.decide(m, Decision.REJECTED))
    incident = case.heal()
    assert case.done() == []
    assert case.mitigations()[0].state is MitigationState.REJECTED
    assert incident.outcome is Outcome.ESCALATED


@pytest.mark.criterion(66)
def test_two_different_people_are_needed_where_the_policy_says_two(make: Make) -> None:
    two = Policy(approval=ApprovalRule(needed=2, approvers=("ann", "bob")))

    def one_twice(case: Case, mitigation: Mitigation) -> None:
        given = case.database.mitigations.approvals(mitigation.id)
        refusal = objection(two, mitigation, given, actor="ann")
        if not given:
            assert refusal is None
        else:
            assert refusal is not None
            assert refusal[0] == "approval.two_persons"
        case.decide(mitigation, Decision.APPROVED, actor="ann")
        case.live(300.0)

    case = make(policy=two, people=one_twice)
    case.heal()
    assert case.done() == []

    def both(case: Case, mitigation: Mitigation) -> None:
        given = case.database.mitigations.approvals(mitigation.id)
        case.decide(mitigation, Decision.APPROVED, actor="bob" if given else "ann")

    healed = make(policy=two, people=both)
    assert healed.heal().outcome is Outcome.MITIGATED_BY_US
    assert healed.done() == [f"rollback {CULPRIT}"]


@pytest.mark.criterion(66)
def test_who_proposed_it_cannot_approve_it(make: Make) -> None:
    case = make(policy=ASKS)
    case.heal()
    mitigation = replace(case.mitigations()[0], proposed_by="ann")
    refusal = objection(ASKS, mitigation, (), actor="ann")
    assert refusal is not None
    assert refusal[0] == "approval.approver_not.proposer"


@pytest.mark.criterion(76)
def test_silence_is_a_no_and_pages_a_person_when_the_time_is_over(make: Make) -> None:
    case = make(policy=ASKS)
    incident = case.heal()
    assert case.done() == []
    (mitigation,) = case.mitigations()
    assert mitigation.state is MitigationState.EXPIRED
    (page,) = case.pager.pages
    assert page.incident_id == incident.id
    assert page.at >= mitigation.expires_at


# ---------------------------------------------------------------- done, judged, undone


@pytest.mark.criterion(69)
@pytest.mark.criterion(70)
def test_an_action_that_does_not_help_is_undone_and_the_incident_stays_open(make: Make) -> None:
    seen: list[tuple[str, str]] = []

    def watch(case: Case, step: str) -> None:
        (incident,) = case.database.incidents.list()
        seen.append((step, incident.state))

    case = make(policy=ASKS, people=yes, heals=None, before_step=watch)
    incident = case.heal()
    assert case.done() == [f"rollback {CULPRIT}", f"rollback {CULPRIT}"]
    forth, back = (effect.action.parameters["to"] for effect in case.actuator.effects)
    assert (forth, back) == ("r1", "r2")
    assert case.mitigations()[0].state is MitigationState.UNDONE
    assert incident.outcome is Outcome.ESCALATED
    undone = seen.index(("undo", IncidentState.VERIFYING))
    assert IncidentState.MITIGATED not in {state for _, state in seen[:undone]}
    assert "investigate" in {step for step, _ in seen[undone:]}


@pytest.mark.criterion(71)
def test_a_symptom_that_goes_before_the_action_gives_no_credit(make: Make) -> None:
    def recovers(case: Case, mitigation: Mitigation) -> None:
        case.mended = True
        case.live(120.0)
        case.decide(mitigation, Decision.APPROVED)

    case = make(policy=ASKS, people=recovers)
    incident = case.heal()
    assert case.done() == []
    assert incident.outcome is Outcome.RECOVERED_ALONE
    assert incident.mitigated_at is None


@pytest.mark.criterion(73)
def test_a_stop_halts_what_is_pending_and_nothing_new_starts(make: Make) -> None:
    def stopped(case: Case, step: str) -> None:
        if step == "mitigate":
            case.database.mitigations.set_killed("we look ourselves")

    case = make(policy=AUTO, before_step=stopped)
    incident = case.heal()
    assert case.done() == []
    assert case.mitigations()[0].state is MitigationState.EXPIRED
    assert "everything is stopped" in case.mitigations()[0].result
    assert incident.outcome is Outcome.ESCALATED


def test_a_target_that_changed_since_it_was_looked_at_is_left_alone(make: Make) -> None:
    def meanwhile(case: Case, mitigation: Mitigation) -> None:
        case.actuator.change(CULPRIT, replicas=5)
        case.decide(mitigation, Decision.APPROVED)

    case = make(policy=ASKS, people=meanwhile)
    incident = case.heal()
    assert case.done() == []
    assert case.mitigations()[0].state is MitigationState.FAILED
    assert incident.outcome is Outcome.ESCALATED


def test_a_newer_epoch_shuts_us_out(make: Make) -> None:
    def fenced(case: Case, mitigation: Mitigation) -> None:
        case.actuator.fence(CULPRIT, 1_000)
        case.decide(mitigation, Decision.APPROVED)

    case = make(policy=ASKS, people=fenced)
    case.heal()
    assert case.done() == []
    assert case.mitigations()[0].state is MitigationState.FAILED


@pytest.mark.parametrize(("fault", "times"), [(Fault.AFTER_EFFECT, 1), (Fault.HANG, 0)])
def test_a_lost_answer_never_makes_it_act_twice(make: Make, fault: Fault, times: int) -> None:
    case = make(policy=AUTO)
    case.actuator.fault = fault
    incident = case.heal()
    assert len(case.done()) == times
    if fault is Fault.HANG:
        assert case.mitigations()[0].state is MitigationState.UNKNOWN
        assert incident.outcome is Outcome.ESCALATED
        assert case.pager.pages
    else:
        assert incident.outcome is Outcome.MITIGATED_BY_US


@pytest.mark.criterion(89)
def test_onset_detection_mitigation_and_recovery_are_told_as_they_were_without_anyone_typing(
    make: Make,
) -> None:
    case = make(policy=AUTO)
    incident = case.heal()
    ((effect, acted_at),) = case.effects_at
    assert isinstance(effect, Effect)
    assert None not in (
        incident.onset_at, incident.detected_at, incident.mitigated_at, incident.recovered_at
    )  # fmt: skip
    told = {
        "onset": (incident.onset_at, START + timedelta(seconds=BREAKS)),
        "detection": (incident.detected_at, START + timedelta(seconds=ALERTS)),
        "mitigation": (incident.mitigated_at, acted_at),
        "recovery": (incident.recovered_at, acted_at),
    }
    # The rates look back over 30 seconds: that is how long a symptom shows after it is gone.
    for name, (said, truth) in told.items():
        assert said is not None
        assert abs((said - truth).total_seconds()) <= 35, name


def test_a_metrics_backend_that_goes_away_leads_to_a_person_and_never_to_an_action(make: Make) -> None:
    def broken(case: Case, step: str) -> None:
        if step == "decide":
            case.metrics.broken = "gone"

    case = make(policy=AUTO, before_step=broken)
    incident = case.heal()
    assert case.done() == []
    assert incident.outcome is Outcome.ESCALATED
