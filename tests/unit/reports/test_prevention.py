"""The clock of time to prevention: when it starts, what stops it, what starts it again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.reports.story import at, fix, incident

from autoheal.domain.proposal import ProposalKind
from autoheal.reports.history import History
from autoheal.reports.prevention import preventions

pytestmark = pytest.mark.criterion(91)


def test_it_runs_from_the_mitigation_to_the_deployed_fix() -> None:
    history = History(incidents=[incident("i1")], proposals=[fix("p1", "i1", deployed=64)])
    (run,) = preventions(history)
    assert (run.started_at, run.stopped_at, run.seconds) == (at(4), at(64), 3600)


def test_a_merged_fix_that_is_not_deployed_does_not_stop_it() -> None:
    history = History(incidents=[incident("i1")], proposals=[fix("p1", "i1", deployed=None)])
    (run,) = preventions(history)
    assert run.seconds is None


def test_an_alert_tuning_prevents_nothing() -> None:
    tuning = replace(fix("p1", "i1", deployed=10), kind=ProposalKind.ALERT_TUNING)
    (run,) = preventions(History(incidents=[incident("i1")], proposals=[tuning]))
    assert run.seconds is None


def test_a_recurrence_before_the_fix_does_not_shorten_it() -> None:
    twice = [incident("i1"), incident("i2", 30)]
    (run,) = preventions(History(incidents=twice, proposals=[fix("p2", "i2", deployed=64)]))
    assert run.seconds == 3600
    assert run.incidents == ("i1", "i2")


def test_a_recurrence_after_the_fix_voids_the_stop_and_starts_it_again() -> None:
    twice = [incident("i1"), incident("i2", 100)]
    first, second = preventions(History(incidents=twice, proposals=[fix("p1", "i1", deployed=64)]))
    assert first.voided_by == "i2"
    assert (second.started_at, second.stopped_at) == (at(104), None)


def test_the_same_family_on_another_service_is_another_clock() -> None:
    elsewhere = [incident("i1"), incident("i2", 100, service="orders")]
    runs = preventions(History(incidents=elsewhere, proposals=[fix("p1", "i1", deployed=64)]))
    assert [(run.service, run.voided_by) for run in runs] == [("cart", None), ("orders", None)]


def test_another_family_on_the_same_service_is_another_clock() -> None:
    other = [incident("i1"), incident("i2", 100, family="crash")]
    runs = preventions(History(incidents=other, proposals=[fix("p1", "i1", deployed=64)]))
    assert [(run.family, run.voided_by) for run in runs] == [("leak", None), ("crash", None)]


def test_it_does_not_start_before_something_was_mitigated() -> None:
    unmitigated = replace(incident("i1"), mitigated_at=None)
    assert preventions(History(incidents=[unmitigated])) == ()
