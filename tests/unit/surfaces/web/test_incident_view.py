"""What the page of an incident shows is chosen by what its findings cite."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.unit.surfaces.stage import stage, story

from autoheal.app import App
from autoheal.domain.mitigation import MitigationState
from autoheal.surfaces.web.incident_view import IncidentView, view


@pytest.fixture
def app(tmp_path: Path) -> App:
    return stage(tmp_path)


def shown(app: App, *, minutes: float = 0) -> IncidentView:
    (incident,) = app.incidents()
    return view(app.incident(incident.id), app.evidence, app.clock.now() + timedelta(minutes=minutes))


def test_the_charts_are_of_the_series_that_the_findings_cite(app: App) -> None:
    story(app)
    assert [(chart.title, chart.evidence_id) for chart in shown(app).charts] == [
        ("http_errors of checkout", "ev_errors")
    ]


def test_marks_are_lettered_in_time_order(app: App) -> None:
    story(app)
    marks = shown(app).marks
    assert [(mark.letter, mark.kind) for mark in marks] == [("A", "change"), ("B", "onset"), ("C", "action")]
    assert sorted(mark.at for mark in marks) == [mark.at for mark in marks]


def test_only_what_can_still_be_decided_waits(app: App) -> None:
    story(app)
    assert [m.id for m in shown(app).waiting] == ["mit_2"]
    assert shown(app, minutes=61).waiting == ()
    store = app.memory.mitigations
    store.save(replace(store.get("mit_2"), state=MitigationState.APPROVED))
    assert shown(app).waiting == ()


def test_the_cost_is_added_up_by_stage(app: App) -> None:
    story(app)
    spent = shown(app)
    assert {stage: bill.all_queries for stage, bill in spent.spent.items()} == {
        "triage": 2,
        "investigate": 14,
        "verify": 6,
    }
    assert spent.total.all_queries == 22


def test_an_incident_without_an_investigation_has_no_chart_and_is_live(app: App) -> None:
    app.receive("generic", b'{"name": "disk is full", "service": "cart"}')
    assert (shown(app).charts, shown(app).marks, shown(app).live) == ((), (), True)
