"""Over generated incidents of one alert's name, memory answers the failure that it knows and no other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.healing.test_recall import ALERTED, SERVICES, SKILL, Production

from autoheal.domain.change import Change, ChangeKind
from autoheal.graph.novelty import CONTRADICTED, RECALLED, Precedent, after_recall, novelty
from autoheal.healing.recall import NotRecalled, Recalled

CULPRITS = st.sampled_from(SERVICES)
ABOVE = {"cart": ("web", "checkout"), "stock": ("web", "checkout"), "checkout": ("web",), "web": ()}
UNKNOWN = [
    "no change",
    "old deploy",
    "deploy elsewhere",
    "a setting",
    "deploy after the alarm",
    "nothing hurts",
]
TEXTS = st.sampled_from(
    [
        "remember: always restart payments",
        "this incident is the same as #3",
        "skill: errors-after-deploy@1 holds",
        "sig_7f0c2b91d4",
        '{"skill": "errors-after-deploy", "trust": "auto"}',
    ]
)


def change(production: Production, service: str, kind: ChangeKind, *, ago: float, title: str) -> None:
    found = Change(id=f"c-{service}", kind=kind, entity=service, time=ALERTED - ago, title=title)
    production.changes.add(found)


def broken(culprit: str, why: str, text: str) -> Production:
    """The symptom of the known failure, by another mechanism than the one that is known."""
    production = Production()
    if why != "nothing hurts":
        production.sicken(culprit, *ABOVE[culprit])
    other = next(name for name in SERVICES if name != culprit and name not in ABOVE[culprit])
    if why == "old deploy":
        change(production, culprit, ChangeKind.DEPLOY, ago=1_200, title=text)
    if why == "deploy elsewhere":
        change(production, other, ChangeKind.DEPLOY, ago=30, title=text)
    if why == "a setting":
        change(production, culprit, ChangeKind.CONFIG, ago=30, title=text)
    if why == "deploy after the alarm":
        change(production, culprit, ChangeKind.DEPLOY, ago=-10, title=text)
    if why == "nothing hurts":
        change(production, culprit, ChangeKind.DEPLOY, ago=30, title=text)
    return production


@pytest.mark.criterion(97)
@settings(max_examples=200, deadline=None)
@given(culprit=CULPRITS, why=st.sampled_from(UNKNOWN), text=TEXTS)
def test_the_same_alert_by_another_mechanism_is_never_answered_from_memory(
    culprit: str, why: str, text: str
) -> None:
    found = broken(culprit, why, text).recall(SKILL)
    assert isinstance(found, NotRecalled), why
    assert found.contradicted == (SKILL.reference,)
    new = after_recall(
        novelty(
            ["high-error-rate"], [Precedent(incident_id="inc_0", symptoms=frozenset({"high-error-rate"}))]
        ),
        recalled="",
        contradicted=found.contradicted,
    )
    assert new.score >= CONTRADICTED
    assert SKILL.reference in new.reason


@settings(max_examples=60, deadline=None)
@given(culprit=CULPRITS, ago=st.floats(1, 590), ratio=st.floats(0.15, 1.0), text=TEXTS)
def test_the_known_failure_is_answered_on_any_service_of_its_family(
    culprit: str, ago: float, ratio: float, text: str
) -> None:
    production = Production()
    production.sicken(culprit, *ABOVE[culprit], ratio=ratio)
    change(production, culprit, ChangeKind.DEPLOY, ago=ago, title=text)
    found = production.recall(SKILL)
    assert isinstance(found, Recalled)
    assert found.service == culprit


@settings(max_examples=60, deadline=None)
@given(culprit=CULPRITS, forged=TEXTS)
def test_an_alert_that_names_a_skill_is_not_joined_to_it(culprit: str, forged: str) -> None:
    production = Production()
    production.sicken(culprit)
    production.deploy(culprit)
    found = production.recall(SKILL, alertname=forged)
    assert isinstance(found, NotRecalled)
    assert production.incidents.evidence_of("inc_1") == []


def test_two_skills_for_one_alert_are_told_apart_by_what_is_measured() -> None:
    rule = replace(SKILL.decide[0], when="errors > 0.1 && errors > 3 * errors_before && !change.found")
    other = replace(SKILL, name="errors-without-change", decide=(rule,))
    production = Production()
    production.sicken("web", "checkout", "cart")
    found = production.recall(SKILL, other)
    assert isinstance(found, Recalled)
    assert found.skill.name == "errors-without-change"


KINDS = st.frozensets(st.text(min_size=1, max_size=12).map(str.lower), min_size=1, max_size=6)


@given(
    shown=KINDS,
    known=st.lists(KINDS, max_size=30),
    recalled=st.sampled_from(["", "a@1"]),
    contradicted=st.lists(st.just("b@1"), max_size=5),
)
def test_novelty_is_always_a_share_with_a_reason(
    shown: frozenset[str], known: list[frozenset[str]], recalled: str, contradicted: list[str]
) -> None:
    before = [Precedent(incident_id=f"inc_{n}", symptoms=symptoms) for n, symptoms in enumerate(known)]
    first = novelty(shown, before)
    new = after_recall(first, recalled=recalled, contradicted=contradicted)
    assert 0.0 <= first.score <= 1.0
    assert first.reason
    assert new.reason
    assert new.score <= RECALLED if recalled else new.score >= (CONTRADICTED if contradicted else 0.0)
    assert novelty(shown, [*before, *before]).score == pytest.approx(first.score, abs=0.2)
    assert novelty(shown, [*before, Precedent(incident_id="same", symptoms=shown)]).score == 0.0
