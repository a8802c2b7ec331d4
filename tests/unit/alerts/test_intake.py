"""Each occurrence once, its end state right in any order, and nothing acknowledged that is not kept."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.alerts.desk import Desk, at, item, notification

from autoheal.alerts.settings import AlertSettings
from autoheal.domain.alert import Alert, AlertStatus
from autoheal.domain.errors import MalformedError, NotFoundError, OverloadedError
from autoheal.domain.incident import IncidentState, Outcome
from autoheal.ports.runs import Json
from autoheal.ports.stores import RawEvent


@pytest.mark.criterion(2)
def test_three_concurrent_deliveries_of_one_webhook_make_one_occurrence() -> None:
    desk = Desk(settings=AlertSettings(pending=16))
    body = notification(item("CartErrors", "cart", 0))
    with ThreadPoolExecutor(16) as pool:
        ids = list(pool.map(lambda _: desk.intake.receive("alertmanager", body), range(16)))
    assert (len(set(ids)), len(desk.stored), len(desk.groups)) == (16, 1, 1)
    assert desk.groups[0].flap_count == 0
    assert all(desk.alerts.event(event_id).body == body for event_id in ids)


@pytest.mark.criterion(5)
def test_a_resolve_before_its_fire_leaves_nothing_open() -> None:
    desk = Desk()
    desk.deliver(item("CartErrors", "cart", 0, end=60), seconds=61)
    desk.deliver(item("CartErrors", "cart", 0), seconds=62)
    assert [alert.status for alert in desk.stored] == [AlertStatus.RESOLVED]
    assert (desk.groups, desk.runs.started) == ([], {})


STORY: list[dict[str, Json]] = [
    item("CartErrors", "cart", 0),
    item("CartErrors", "cart", 0, end=30),
    item("CartErrors", "cart", 40),
    item("CartErrors", "cart", 40, end=70),
    item("CheckoutErrors", "checkout", 10),
    item("CheckoutErrors", "checkout", 10, end=75),
]


@pytest.mark.criterion(5)
@given(order=st.permutations(STORY + STORY[:3]))
@settings(max_examples=150, deadline=None)
def test_any_order_of_fires_and_resolves_ends_resolved(order: list[dict[str, Json]]) -> None:
    desk = Desk()
    for n, alert in enumerate(order):
        desk.deliver(alert, seconds=80 + n)
    assert {(a.name, a.starts_at, a.status, a.ends_at) for a in desk.stored} == {
        ("CartErrors", at(0), AlertStatus.RESOLVED, at(30)),
        ("CartErrors", at(40), AlertStatus.RESOLVED, at(70)),
        ("CheckoutErrors", at(10), AlertStatus.RESOLVED, at(75)),
    }
    assert not any(group.firing for group in desk.groups)
    assert len(desk.groups) <= 1
    assert len({told[1] for told in desk.runs.told.values()}) == len(desk.groups)


@pytest.mark.criterion(5)
@given(order=st.permutations([*STORY[:3], *STORY[4:], *STORY[:2]]))
@settings(max_examples=100, deadline=None)
def test_any_order_ends_with_exactly_what_still_fires(order: list[dict[str, Json]]) -> None:
    desk = Desk()
    for n, alert in enumerate(order):
        desk.deliver(alert, seconds=80 + n)
    (group,) = desk.groups
    firing = [desk.alerts.occurrence(key) for key in group.firing]
    assert [(a.name, a.starts_at) for a in firing if a is not None] == [("CartErrors", at(40))]


def test_a_lost_resolve_is_made_up_for_by_the_next_occurrence() -> None:
    desk = Desk()
    desk.deliver(item("CartErrors", "cart", 0), seconds=1)
    desk.deliver(item("CartErrors", "cart", 90), seconds=91)
    desk.deliver(item("CartErrors", "cart", 90, end=120), seconds=121)
    assert [(a.status, a.ends_at) for a in desk.stored] == [
        (AlertStatus.RESOLVED, at(90)),
        (AlertStatus.RESOLVED, at(120)),
    ]
    assert desk.groups[0].firing == ()


def test_a_fire_long_after_the_resolve_of_the_same_start_is_news() -> None:
    desk = Desk(settings=AlertSettings(reorder_seconds=300))
    desk.deliver(item("CartErrors", "cart", 0), seconds=1)
    desk.deliver(item("CartErrors", "cart", 0, end=60), seconds=61)
    desk.deliver(item("CartErrors", "cart", 0), seconds=400)
    assert [alert.status for alert in desk.stored] == [AlertStatus.FIRING]
    assert len(desk.groups[0].firing) == 1


@pytest.mark.criterion(12)
def test_an_alert_that_fires_twenty_times_is_one_group_with_its_flaps_counted() -> None:
    desk = Desk()
    for n in range(20):
        desk.deliver(item("CartErrors", "cart", n * 120), seconds=n * 120 + 1)
        desk.deliver(item("CartErrors", "cart", n * 120, end=n * 120 + 60), seconds=n * 120 + 61)
    (group,) = desk.groups
    assert (group.flap_count, len(group.occurrences), group.firing, len(desk.runs.started)) == (19, 20, (), 1)


@pytest.mark.criterion(12)
def test_flapping_across_closed_incidents_starts_no_further_investigation() -> None:
    desk = Desk()
    for n in range(20):
        desk.deliver(item("CartErrors", "cart", n * 120), seconds=n * 120 + 1)
        desk.deliver(item("CartErrors", "cart", n * 120, end=n * 120 + 60), seconds=n * 120 + 61)
        desk.settle(desk.all_incidents[0], IncidentState.CLOSED, Outcome.RECOVERED_ALONE, n * 120 + 70)
        desk.intake.sweep()
    assert (len(desk.groups), desk.groups[0].flap_count, len(desk.runs.started)) == (1, 19, 1)


def test_a_fire_soon_after_recovery_that_holds_becomes_a_new_incident() -> None:
    desk = Desk(settings=AlertSettings(hold_seconds=100))
    desk.deliver(item("CartErrors", "cart", 0), seconds=1)
    desk.deliver(item("CartErrors", "cart", 0, end=60), seconds=61)
    desk.settle(desk.all_incidents[0], IncidentState.CLOSED, Outcome.MITIGATED_BY_US, 70)
    desk.deliver(item("CartErrors", "cart", 90), seconds=91)
    desk.clock.at = at(190)
    desk.intake.sweep()
    assert len(desk.runs.started) == 1
    desk.clock.at = at(400)
    desk.intake.sweep()
    desk.intake.sweep()
    assert len(desk.runs.started) == 2
    assert [len(group.firing) for group in desk.groups] == [0, 1]


def test_noise_that_was_judged_is_not_judged_again_while_it_just_goes_on() -> None:
    desk = Desk(settings=AlertSettings(hold_seconds=10))
    desk.deliver(item("CartNoise", "cart", 0), seconds=1)
    desk.settle(desk.all_incidents[0], IncidentState.CLOSED, Outcome.NOISE, 30)
    desk.clock.at = at(86_400)
    desk.intake.sweep()
    assert len(desk.groups) == 1


def test_a_resolve_of_everything_is_told_to_the_healing_run_once() -> None:
    desk = Desk()
    desk.deliver(item("CartErrors", "cart", 0), item("CheckoutErrors", "checkout", 1), seconds=2)
    desk.deliver(item("CartErrors", "cart", 0, end=50), seconds=51)
    assert desk.runs.told == {}
    for _ in range(3):
        desk.deliver(item("CheckoutErrors", "checkout", 1, end=55), seconds=56)
    assert [told[2] for told in desk.runs.told.values()] == ["resolved"]


def test_a_crash_after_the_acknowledged_write_is_finished_by_the_sweep() -> None:
    desk = Desk()
    body = notification(item("CartErrors", "cart", 0))
    desk.alerts.append_event(RawEvent(id="evt_1", source="alertmanager", received_at=at(1), body=body))
    assert desk.intake.sweep() == []
    assert desk.intake.sweep() == []
    assert (len(desk.stored), len(desk.runs.started), desk.alerts.event("evt_1").handled) == (1, 1, True)


def test_a_crash_between_commit_and_start_is_finished_by_the_sweep() -> None:
    desk = Desk()
    desk.deliver(item("CartErrors", "cart", 0), seconds=1)
    desk.runs.started.clear()
    desk.intake.sweep()
    assert len(desk.runs.started) == 1


def test_a_stored_delivery_that_nobody_can_read_is_reported_and_stops_no_other() -> None:
    desk = Desk()
    for n, (source, body) in enumerate(
        [("gone", b"{}"), ("alertmanager", b"{"), ("alertmanager", notification())]
    ):
        desk.alerts.append_event(RawEvent(id=f"evt_{n}", source=source, received_at=at(1), body=body))
    assert desk.intake.sweep() == ["evt_0", "evt_1"]


def test_a_malformed_delivery_and_an_unknown_source_leave_nothing_behind() -> None:
    desk = Desk()
    with pytest.raises(MalformedError):
        desk.intake.receive("alertmanager", b"[]")
    with pytest.raises(NotFoundError, match="alertmanager, generic"):
        desk.intake.receive("nagios", b"{}")
    assert desk.alerts.unhandled_events() == []


def test_more_deliveries_than_may_wait_are_refused_at_once_and_later_accepted() -> None:
    desk = Desk(settings=AlertSettings(pending=2))
    body = notification(item("CartErrors", "cart", 0))
    inside, go = threading.Barrier(3), threading.Event()

    class Slow:
        source = "slow"

        def decode(self, body: bytes, *, event_id: str, received_at: object) -> list[Alert]:
            del body, event_id, received_at
            inside.wait(10)
            go.wait(10)
            return []

    desk.intake = type(desk.intake)(
        **{
            name: getattr(desk, name)
            for name in ("alerts", "incidents", "graph", "runs", "clock", "ids", "settings")
        },
        decoders={**desk.intake.decoders, "slow": Slow()},
    )
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(desk.intake.receive, "slow", b"{}") for _ in range(2)]
        inside.wait(10)
        with pytest.raises(OverloadedError):
            desk.intake.receive("alertmanager", body)
        go.set()
        assert all(future.result().startswith("evt_") for future in waiting)
    assert desk.intake.receive("alertmanager", body).startswith("evt_")


@pytest.mark.criterion(1)
def test_one_fault_told_by_two_sources_is_one_group_and_every_payload_is_kept() -> None:
    desk = Desk()
    first = desk.deliver(item("CartErrors", "cart", 0), seconds=1)
    second = desk.post(
        {"name": "cart is down", "service": "cart", "severity": 5, "starts_at": at(3).timestamp()}, 4
    )
    third = desk.post(
        [{"name": "p99 cart", "labels": {"app": "cart"}, "status": "alerting", "severity": "P2"}], 5
    )
    (group,) = desk.groups
    assert (len(group.occurrences), len(desk.runs.started)) == (3, 1)
    assert [desk.alerts.event(key).source for key in (first, second, third)] == [
        "alertmanager",
        "generic",
        "generic",
    ]


def test_an_alert_without_a_start_is_the_one_that_fires_until_it_is_resolved() -> None:
    desk = Desk()
    for second in (1, 5, 9):
        desk.post({"name": "cart is down", "service": "cart"}, second)
    desk.post({"name": "cart is down", "service": "cart", "status": "resolved"}, 20)
    assert [(a.starts_at, a.ends_at) for a in desk.stored] == [(at(1), at(20))]
    desk.post({"name": "cart is down", "service": "cart"}, 30)
    assert [a.starts_at for a in desk.stored] == [at(1), at(30)]
    assert desk.groups[0].flap_count == 1


def test_alerts_that_name_no_environment_get_the_configured_one() -> None:
    desk = Desk()
    desk.deliver(item("CartErrors", "cart", 0), seconds=1)
    assert desk.all_incidents[0].environment == "production"


def test_intake_never_overwrites_an_incident_that_healing_moved() -> None:
    desk = Desk()
    desk.deliver(item("CartErrors", "cart", 0, severity="warning"), seconds=1)
    (incident,) = desk.all_incidents
    desk.settle(incident, IncidentState.VERIFYING, Outcome.MITIGATED_BY_US, 20)
    desk.deliver(item("CartSlow", "cart", 30), seconds=31)
    assert desk.all_incidents[0].state is IncidentState.VERIFYING
    assert desk.groups[0].severity == "critical"


def test_the_alert_that_joins_says_why_in_the_timeline() -> None:
    desk = Desk()
    desk.deliver(item("CartErrors", "cart", 0), item("CheckoutErrors", "checkout", 5), seconds=6)
    texts = [entry.text for entry in desk.incidents.timeline(desk.all_incidents[0].id)]
    assert "joins because cart could explain both" in texts[1]
    assert timedelta(seconds=5) == desk.stored[1].starts_at - desk.stored[0].starts_at
