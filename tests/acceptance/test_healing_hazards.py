"""What goes wrong on the way of a healing: dead runs, repeated steps, lost backends, harm, words unheard."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from tests.acceptance.healing_case import ASKS, Case
from tests.attacks.production import AUTO, CULPRIT

from autoheal.domain.approval import Decision
from autoheal.domain.errors import RefusedError
from autoheal.domain.incident import IncidentState, Outcome
from autoheal.domain.mitigation import Mitigation, MitigationState, VerificationResult
from autoheal.healing.take_over import take_over
from autoheal.housekeeping import Housekeeping
from autoheal.integrations.memory.actuator import Effect
from autoheal.policy.policy import ApprovalRule, Policy

Make = Callable[..., Case]


class PoisonError(Exception):
    """What no step expects."""


def yes(case: Case, mitigation: Mitigation) -> None:
    case.decide(mitigation, Decision.APPROVED)


def no_good() -> None:
    """A part of the housekeeping that always fails."""
    raise PoisonError("no part may hold up another")


def housekeeping(case: Case, dead: tuple[str, ...]) -> Housekeeping:
    return Housekeeping(
        intake=case.loop.intake,
        traces=None,
        graph=case.database.graph,
        clock=case.clock,
        remind=no_good,
        dead=lambda: dead,
        take_over=partial(take_over, case.loop.responder),
    )


# ---------------------------------------------------------------- the run itself dies


@pytest.mark.parametrize(
    ("dies_at", "done", "left"),
    [
        ("triage", 0, None),
        ("mitigate", 0, MitigationState.EXPIRED),
        ("verify", 1, MitigationState.FAILED),
    ],
)
def test_a_dead_run_pages_a_person_once_and_leaves_nothing_under_way(
    make: Make, dies_at: str, done: int, left: MitigationState | None
) -> None:
    def poisoned(_: Case, step: str) -> None:
        if step == dies_at:
            raise PoisonError(step)

    case = make(policy=AUTO, before_step=poisoned, heals=None)
    with pytest.raises(PoisonError):
        case.heal()
    assert case.pager.pages == []
    (incident,) = case.database.incidents.list()
    keeping = housekeeping(case, ("heal-inc_unheard_of", "learn-inc_1", f"heal-{incident.id}"))
    keeping.round()
    keeping.round()
    (page,) = case.pager.pages
    assert page.incident_id == incident.id
    assert "its healing run died" in page.text
    handed = case.database.incidents.get(incident.id)
    assert (handed.state, handed.outcome) == (IncidentState.ESCALATED, Outcome.ESCALATED)
    assert [m.state for m in case.mitigations()] == ([left] if left else [])
    assert len(case.done()) == done
    assert (f"look at {CULPRIT} first" in page.text) is (left is not None)


def test_what_a_dead_run_had_sent_without_an_answer_is_unknown_and_never_sent_again(make: Make) -> None:
    case = make(policy=AUTO)

    def poisoned(_: Effect) -> None:
        raise PoisonError("died in the middle of the effect")

    case.actuator.on_effect = poisoned
    with pytest.raises(PoisonError):
        case.heal()
    (incident,) = case.database.incidents.list()
    assert case.mitigations()[0].state is MitigationState.INTENDED
    housekeeping(case, (f"heal-{incident.id}",)).round()
    assert case.mitigations()[0].state is MitigationState.UNKNOWN
    assert len(case.done()) == 1
    assert len(case.pager.pages) == 1


def test_an_incident_of_a_dead_run_is_closed_when_its_alerts_are_over(make: Make) -> None:
    def poisoned(_: Case, step: str) -> None:
        if step == "investigate":
            raise PoisonError(step)

    case = make(policy=AUTO, before_step=poisoned)
    with pytest.raises(PoisonError):
        case.heal()
    (incident,) = case.database.incidents.list()
    keeping = housekeeping(case, (f"heal-{incident.id}",))
    keeping.round()
    case.mended = True
    case.live(120.0)
    body = case.notification().replace(b'"firing"', b'"resolved"')
    body = body.replace(b"0001-01-01T00:00:00Z", case.clock.now().isoformat().encode())
    case.loop.intake.receive("alertmanager", body)
    keeping.round()
    keeping.round()
    closed = case.database.incidents.get(incident.id)
    assert (closed.state, closed.outcome) == (IncidentState.CLOSED, Outcome.ESCALATED)
    assert len(case.pager.pages) == 1
    assert ("learn", incident.id) in case.runs.waiting


# ---------------------------------------------------------------- steps happen at least once


@pytest.mark.parametrize("helps", [True, False])
def test_every_step_may_run_twice_and_nothing_is_done_or_said_twice(make: Make, helps: bool) -> None:  # noqa: FBT001
    def told(case: Case) -> tuple[object, ...]:
        if not helps:
            case.heals = None
        incident = case.heal()
        states = [m.state for m in case.mitigations()]
        return case.done(), states, incident.state, incident.outcome, [p.text for p in case.pager.pages]

    assert told(make(policy=AUTO, twice=True)) == told(make(policy=AUTO))


# ---------------------------------------------------------------- backends, harm, stops


def test_metrics_that_are_away_from_the_first_step_on_still_bring_a_person(make: Make) -> None:
    def broken(case: Case, step: str) -> None:
        if step == "triage":
            case.metrics.broken = "gone"

    case = make(policy=AUTO, before_step=broken)
    incident = case.heal()
    assert case.done() == []
    assert incident.outcome is Outcome.ESCALATED
    assert len(case.pager.pages) == 1


@pytest.mark.criterion(70)
def test_an_action_whose_effect_cannot_be_seen_is_taken_back_and_not_called_a_success(make: Make) -> None:
    def broken(case: Case, step: str) -> None:
        if step == "verify":
            case.metrics.broken = "gone"

    case = make(policy=AUTO, before_step=broken)
    incident = case.heal()
    (mitigation,) = case.mitigations()
    verdict = case.database.mitigations.verification(mitigation.id)
    assert verdict is not None
    assert verdict.result is VerificationResult.NO_DATA
    assert mitigation.state is MitigationState.UNDONE
    assert incident.outcome is Outcome.ESCALATED


@pytest.mark.criterion(69)
def test_an_action_that_does_harm_is_taken_back(make: Make) -> None:
    case = make(policy=AUTO)

    def harms(_: Effect) -> None:
        at = case.clock.now().timestamp()
        for number in range(4):
            labels = {"alertname": f"New{number}", "service": "gateway", "alertstate": "firing"}
            samples = [(at + 5.0 * n, 1.0) for n in range(60)]
            case.metrics.add("ALERTS", labels | {"severity": "critical"}, samples)

    case.actuator.on_effect = harms
    incident = case.heal()
    (mitigation, *_) = case.mitigations()
    verdict = case.database.mitigations.verification(mitigation.id)
    assert verdict is not None
    assert verdict.result is VerificationResult.WORSE
    assert mitigation.state is MitigationState.UNDONE
    assert incident.outcome is Outcome.ESCALATED


@pytest.mark.criterion(73)
def test_a_stop_while_people_think_makes_their_yes_worth_nothing(make: Make) -> None:
    def stopped(case: Case, mitigation: Mitigation) -> None:
        case.database.mitigations.set_killed("we look ourselves")
        case.decide(mitigation, Decision.APPROVED)

    case = make(policy=ASKS, people=stopped)
    incident = case.heal()
    assert case.done() == []
    assert case.mitigations()[0].state is MitigationState.EXPIRED
    assert incident.outcome is Outcome.ESCALATED


@pytest.mark.criterion(71)
def test_what_recovers_before_an_automatic_action_is_left_alone_and_nobody_is_paged(make: Make) -> None:
    def recovers(case: Case, step: str) -> None:
        if step == "last_look":
            case.mended = True
            case.live(120.0)

    case = make(policy=AUTO, before_step=recovers)
    incident = case.heal()
    assert case.done() == []
    assert incident.outcome is Outcome.RECOVERED_ALONE
    assert case.pager.pages == []


def test_another_alert_on_the_service_while_it_is_healed_starts_no_second_action(make: Make) -> None:
    def again(case: Case, step: str) -> None:
        if step == "verify" and not case.pager.pages:
            body = case.notification().replace(b"HighErrorRate", b"SlowAnswers")
            body = body.replace(b"00000000000000", b"0000000000000f")
            case.loop.intake.receive("alertmanager", body)

    case = make(policy=AUTO, before_step=again)
    incident = case.heal()
    assert [one.id for one in case.database.incidents.list()] == [incident.id]
    assert case.done() == [f"rollback {CULPRIT}"]


# ---------------------------------------------------------------- what people said


@pytest.mark.criterion(65)
def test_a_yes_that_comes_too_late_lets_nothing_happen(make: Make) -> None:
    def late(case: Case, mitigation: Mitigation) -> None:
        case.live((mitigation.expires_at - case.clock.now()).total_seconds() + 1)
        case.decide(mitigation, Decision.APPROVED)

    short = Policy(approval=ApprovalRule.model_validate({"approvers": ("ann",), "ttl": "60s"}))
    case = make(policy=short, people=late)
    incident = case.heal()
    assert case.done() == []
    assert case.mitigations()[0].state is MitigationState.EXPIRED
    assert incident.outcome is Outcome.ESCALATED


@pytest.mark.criterion(65)
def test_a_yes_is_used_up_by_the_one_action_it_was_for(make: Make) -> None:
    case = make(policy=ASKS, people=yes)
    case.heal()
    (mitigation,) = case.mitigations()
    (approval,) = case.database.mitigations.approvals(mitigation.id)
    assert approval.used_at is not None
    with pytest.raises(RefusedError) as refused:
        approval.use(digest=mitigation.digest, now=approval.used_at)
    assert refused.value.rule == "approval.single_use"
