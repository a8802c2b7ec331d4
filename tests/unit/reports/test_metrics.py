"""Figures: what they count, what they leave out, and that each names its events and its partner."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.reports.story import START, at, cost, fix, incident, mitigation, verified

from autoheal.domain.alert import Severity
from autoheal.domain.alert_group import AlertGroup
from autoheal.domain.fact import Fact, Method, NodeKind, Provenance, Relation, urn
from autoheal.domain.incident import IncidentState, Outcome
from autoheal.domain.ledger import LedgerEntry
from autoheal.domain.mitigation import VerificationResult
from autoheal.reports.history import History, Truth, Use
from autoheal.reports.metrics import Figure, figures


def figure(history: History, name: str) -> Figure:
    return next(f for f in figures(history) if f.name == name)


def group(incident_id: str, *, first: float, last: float, firing: tuple[str, ...] = ()) -> AlertGroup:
    return AlertGroup(
        id=f"g-{incident_id}",
        incident_id=incident_id,
        environment="sandbox",
        severity=Severity.HIGH,
        services=("cart",),
        occurrences=("a",),
        firing=firing,
        first_at=at(first),
        last_at=at(last),
    )


def test_every_measured_figure_names_the_events_it_came_from() -> None:
    history = History(
        incidents=[incident("i1"), incident("i2", 60)],
        groups=[group("i1", first=1, last=6)],
        mitigations=[mitigation("m1", "i1")],
        verifications=[verified("m1", VerificationResult.HELPED)],
        proposals=[fix("p1", "i1", deployed=10)],
    )
    known = {"i1", "i2", "g-i1", "m1", "p1"}
    measured = [f for f in figures(history) if f.value]
    assert len(measured) > 6
    for found in measured:
        assert found.events, found.name
        assert set(found.events) <= known, found.name


def test_every_partner_is_a_figure_of_the_same_report() -> None:
    found = figures(History(incidents=[]))
    assert {f.partner for f in found} - {""} <= {f.name for f in found}


def test_with_nothing_measured_no_figure_claims_a_number() -> None:
    assert [f.name for f in figures(History(incidents=[])) if f.value] == []


def test_times_are_told_from_onset_by_mean_and_median() -> None:
    slow = replace(incident("i2", 60), recovered_at=at(60 + 65))
    history = History(incidents=[incident("i1"), slow, incident("i3", 200)])
    assert figure(history, "incident.mttd").value == 60
    assert figure(history, "incident.mttm").value == 240
    recovery = figure(history, "incident.mttr")
    assert (recovery.value, recovery.median) == ((300 + 3900 + 300) / 3, 300)


def test_an_incident_without_onset_lowers_the_partner_instead_of_the_time() -> None:
    blind = replace(incident("i2", 60), onset_at=None)
    history = History(incidents=[incident("i1"), blind])
    assert figure(history, "incident.mttd").events == ("i1",)
    assert figure(history, "incident.onset_known").value == 0.5


@pytest.mark.criterion(94)
def test_alert_response_is_told_apart_from_incident_response() -> None:
    noise = replace(incident("i2", 60), outcome=Outcome.NOISE, recovered_at=None)
    history = History(
        incidents=[incident("i1"), noise],
        groups=[group("i1", first=1, last=11), group("i2", first=61, last=63)],
    )
    assert figure(history, "incident.mttr").events == ("i1",)
    assert figure(history, "alert.mttr").value == (600 + 120) / 2
    assert figure(history, "alert.mttd").value == pytest.approx(6)


def test_a_group_that_still_fires_has_no_end() -> None:
    history = History(incidents=[incident("i1")], groups=[group("i1", first=1, last=11, firing=("a",))])
    assert figure(history, "alert.mttr").value is None


def test_a_page_a_question_and_an_approval_each_count_as_needing_a_person() -> None:
    paged = replace(incident("i2", 60), state=IncidentState.ESCALATED, outcome=Outcome.ESCALATED)
    asked = LedgerEntry(incident_id="i3", stage="ask", backend="expert", at=START, questions=1)
    history = History(
        incidents=[incident("i1"), paged, incident("i3", 90)], costs=[asked, cost("i1", queries=9)]
    )
    rate = figure(history, "page.rate")
    assert rate.value == pytest.approx(2 / 3)
    assert rate.events == ("i2", "i3")


def test_suppressing_true_faults_shows_as_lost_recall_beside_the_page_rate() -> None:
    hushed = replace(incident("i1"), outcome=Outcome.NOISE)
    truths = {"i1": Truth(injected=True, right=False), "i2": Truth(injected=False, right=True)}
    history = History(incidents=[hushed, incident("i2", 60)], truths=truths)
    assert figure(history, "page.rate").value == 0
    assert figure(history, "page.rate").partner == "truth.recall"
    assert figure(history, "truth.recall").value == 0
    assert figure(history, "truth.calm").value == 1


@pytest.mark.criterion(91)
def test_a_prevention_that_did_not_hold_is_not_in_the_mean_but_beside_it() -> None:
    history = History(
        incidents=[incident("i1"), incident("i2", 100), incident("i3", 0, family="crash")],
        proposals=[fix("p1", "i1", deployed=10), fix("p3", "i3", deployed=64)],
    )
    assert figure(history, "prevention.mttp").value == 3600
    assert figure(history, "prevention.mttp").events == ("p3",)
    assert figure(history, "prevention.recurred").value == 0.5
    assert figure(history, "prevention.recurred").events == ("i2",)


@pytest.mark.criterion(99)
def test_graph_use_counts_nodes_used_later_and_not_rows_added() -> None:
    mode, skill = urn(NodeKind.FAILURE_MODE, "leak"), urn(NodeKind.SKILL, "leak")
    facts = [
        Fact(
            id=str(n),
            subject=mode,
            relation=Relation.HANDLED_BY,
            object=skill,
            statement="",
            recorded_at=at(n),
            provenance=(
                Provenance(source="incident:i1", method=Method.DERIVED, asserted_at=START, actor="autoheal"),
            ),
        )
        for n in range(5)
    ]
    uses = [
        Use(urn=mode, incident_id="i1", useful=True),
        Use(urn=skill, incident_id="i2", useful=True),
        Use(urn=skill, incident_id="i3", useful=True),
        Use(urn=mode, incident_id="i2", useful=False),
    ]
    history = History(incidents=[], facts=facts, uses=uses)
    assert figure(history, "graph.used").value == 1
    assert figure(history, "graph.used").events == (skill,)
    assert figure(history, "graph.facts").value == 5
