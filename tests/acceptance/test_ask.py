"""An expert is asked one small question: the answer is tested before it is acted on, and silence pages."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from tests.attacks.production import AUTO, HEALING, START, Shop, template

from autoheal.domain.fact import Fact, Method, Node, NodeKind, Provenance, Relation, urn
from autoheal.domain.incident import Incident, Outcome
from autoheal.domain.mitigation import MitigationState
from autoheal.domain.proposal import ProposalKind, ProposalState
from autoheal.domain.question import Question
from autoheal.healing.ask import Expert, ask, experts, not_now, quiet
from autoheal.healing.settings import AskSettings
from autoheal.policy.policy import Mode, Policy

_ASK = AskSettings(enabled=True, on_call=("olga",), patience_seconds=60)
_DOUBTFUL = HEALING.model_copy(update={"act_confidence": 1.0, "ask": _ASK})
"""An engine that is never sure enough: only a person can bring it further."""


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return template(tmp_path_factory.mktemp("origin") / "home")


def _shop(
    folder: Path, origin: Path, *, says: str = "", severity: str = "warning", policy: Policy = AUTO
) -> Shop:
    shutil.copytree(origin, folder / "shop")
    made = Shop(folder / "shop", policy=policy, healing=_DOUBTFUL, severity=severity, says=says)
    _own(made, "checkout", "dana")
    return made


def _own(shop: Shop, service: str, owner: str) -> None:
    graph = shop.database.graph
    subject, target = urn(NodeKind.SERVICE, service), urn(NodeKind.PERSON, owner)
    graph.save_node(Node(urn=subject, kind=NodeKind.SERVICE, name=service))
    graph.save_node(Node(urn=target, kind=NodeKind.PERSON, name=owner))
    source = Provenance(source="catalog", method=Method.DECLARED, asserted_at=START, actor="sync")
    graph.assert_fact(
        Fact(
            id=f"own-{service}",
            subject=subject,
            relation=Relation.OWNED_BY,
            object=target,
            statement=f"{service} is owned by {owner}",
            recorded_at=START - timedelta(days=1),
            provenance=(source,),
        )
    )


def _asked(shop: Shop, incident: Incident) -> Question:
    (question,) = shop.database.questions.of_incident(incident.id)
    return question


def _texts(shop: Shop, incident: Incident) -> str:
    return "\n".join(entry.text for entry in shop.database.incidents.timeline(incident.id))


def test_the_owner_is_asked_a_small_question_that_says_why_memory_did_not_serve(
    tmp_path: Path, origin: Path
) -> None:
    hurt = _shop(tmp_path, origin)
    incident = hurt.suffer(learns=False)
    question = _asked(hurt, incident)
    assert question.asked_of == "dana"
    assert "checkout" in question.text
    assert len(question.text) < 250
    assert "dana owns checkout" in question.why_asked
    assert "no skill is known" in question.why_asked
    costs = hurt.database.incidents.costs(incident.id)
    assert sum(c.questions for c in costs if c.stage == "ask") == 1
    hurt.close()


def test_an_answer_becomes_a_tested_hypothesis_and_mends_the_shop(tmp_path: Path, origin: Path) -> None:
    hurt = _shop(tmp_path, origin, says="I bet it's checkout, the discount thing")
    incident = hurt.suffer(learns=False)
    assert incident.outcome is Outcome.MITIGATED_BY_US
    assert hurt.pager.pages == []
    believed = hurt.database.incidents.investigations(incident.id)[-1]
    assert believed.leading is not None
    assert (believed.leading.author, believed.leading.entity) == ("person:dana", "checkout")
    assert believed.leading.claims_for
    assert believed.review is not None
    assert believed.review.passed
    assert believed.verdict.confidence.value <= 0.5
    assert any("discount thing" in step for step in believed.path)
    hurt.close()


@pytest.mark.criterion(83)
def test_an_answer_that_was_used_waits_as_a_memory_for_its_author_to_confirm(
    tmp_path: Path, origin: Path
) -> None:
    hurt = _shop(tmp_path, origin, says="it is checkout, the discount was never optional")
    incident = hurt.suffer()
    pending = next(
        p for p in hurt.database.proposals.of_incident(incident.id) if p.kind is ProposalKind.DECISION_TRACE
    )
    assert pending.state is ProposalState.PROPOSED
    assert "dana answered: it is checkout, the discount was never optional" in pending.body
    assert "dana, to be confirmed by them" in pending.body
    believed = "\n".join(fact.statement for fact in hurt.database.graph.facts())
    assert "never optional" not in believed
    hurt.loop.lessons.merge(pending.id, actor="dana")
    (fact,) = [f for f in hurt.database.graph.facts() if "never optional" in f.statement]
    assert [(given.method, given.actor) for given in fact.provenance] == [(Method.HUMAN, "dana")]
    hurt.close()


def test_where_policy_wants_more_than_a_persons_word_somebody_must_still_say_yes(
    tmp_path: Path, origin: Path
) -> None:
    hurt = _shop(tmp_path, origin, says="checkout", policy=Policy(mode=Mode.AUTO))
    incident = hurt.suffer(learns=False)
    (mitigation,) = hurt.database.mitigations.of_incident(incident.id)
    assert (mitigation.approvals_needed, mitigation.state) == (1, MitigationState.EXPIRED)
    assert hurt.actuator.effects == []
    hurt.close()


@pytest.mark.parametrize(
    "says", ["", "no idea", "checkout or payments", "payments", "restart everything now"]
)
def test_silence_and_an_answer_that_does_not_hold_page_a_person(
    says: str, tmp_path: Path, origin: Path
) -> None:
    hurt = _shop(tmp_path, origin, says=says)
    incident = hurt.suffer(learns=False)
    assert incident.escalation == "no cause could be established"
    assert len(hurt.pager.pages) == 1
    assert hurt.actuator.effects == []
    assert ("has not answered" in _texts(hurt, incident)) is not bool(says)
    hurt.close()


def test_what_is_critical_does_not_wait_for_an_answer(tmp_path: Path, origin: Path) -> None:
    hurt = _shop(tmp_path, origin, says="checkout", severity="critical")
    incident = hurt.suffer(learns=False)
    assert _asked(hurt, incident).answer is None
    assert len(hurt.pager.pages) == 1
    hurt.close()


def test_a_repeated_step_asks_nobody_again(tmp_path: Path, origin: Path) -> None:
    hurt = _shop(tmp_path, origin)
    incident = hurt.suffer(learns=False)
    before = _asked(hurt, incident)
    assert ask(hurt.loop.responder, incident.id).endswith(before.id)
    assert _asked(hurt, incident) == before
    hurt.close()


def test_owner_then_last_resolver_then_on_call(tmp_path: Path, origin: Path) -> None:
    hurt = _shop(tmp_path, origin, says="checkout")
    incident = hurt.suffer(learns=False)
    found = list(experts(hurt.loop.responder, incident))
    assert found == [Expert(name="dana", why="owns checkout"), Expert(name="olga", why="is on call")]
    hurt.close()


def test_who_named_the_cause_of_the_same_failure_elsewhere_is_asked_before_who_is_on_call(
    tmp_path: Path, origin: Path
) -> None:
    hurt = _shop(tmp_path, origin, says="checkout")
    known = hurt.suffer(learns=False)
    assert known.signature
    elsewhere = replace(known, id="inc_other", service="unknown", services=("unknown",))
    knows = Expert(name="dana", why=f"knows this failure from {known.id}")
    assert list(experts(hurt.loop.responder, elsewhere)) == [
        knows,
        Expert(name="olga", why="is on call"),
    ]
    unlike = replace(elsewhere, signature="sig_of_something_else")
    assert list(experts(hurt.loop.responder, unlike)) == [Expert(name="olga", why="is on call")]
    hurt.close()


def _question(person: str, number: int = 1) -> Question:
    return Question(
        id=f"q{number}", incident_id="i", text="t", why_asked="w", asked_at=START, asked_of=person
    )


def test_nobody_is_asked_more_often_than_the_budget_allows() -> None:
    dana, noon = Expert(name="dana", why="owns it"), datetime(2026, 11, 20, 12, tzinfo=UTC)
    settings = AskSettings(enabled=True, per_person_per_day=2)
    once, twice = [_question("dana")], [_question("dana"), _question("dana", 2)]
    assert not_now(dana, settings, once, noon) is None
    assert "2 times" in (not_now(dana, settings, twice, noon) or "")
    assert not_now(Expert(name="olga", why="is on call"), settings, twice, noon) is None


@pytest.mark.parametrize(
    ("hour", "zone", "asleep"),
    [
        (23, "UTC", "yes"),
        (3, "UTC", "yes"),
        (7, "UTC", ""),
        (12, "UTC", ""),
        (21, "Europe/Berlin", "yes"),
        (22, "UTC", "yes"),
    ],
)
def test_nobody_is_asked_at_night_where_they_are(hour: int, zone: str, asleep: str) -> None:
    settings = AskSettings(timezone=zone)
    assert quiet(settings, datetime(2026, 11, 20, hour, tzinfo=UTC)) is bool(asleep)


def test_quiet_hours_may_lie_within_a_day() -> None:
    settings = AskSettings(quiet_from=time(12), quiet_until=time(13))
    hours = [hour for hour in range(24) if quiet(settings, datetime(2026, 11, 20, hour, 30, tzinfo=UTC))]
    assert hours == [12]
