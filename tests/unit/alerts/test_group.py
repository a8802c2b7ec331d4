"""Alerts of one fault end in one incident, alerts of two faults in two."""

from __future__ import annotations

import itertools

import pytest
from tests.unit.alerts.desk import Desk, item

from autoheal.alerts.settings import AlertSettings
from autoheal.domain.incident import IncidentState, Outcome

DEPENDANTS = ("billing", "cart", "checkout", "returns", "shipping", "stock")


def services(desk: Desk) -> list[set[str]]:
    return [set(group.services) for group in desk.groups]


@pytest.mark.criterion(3)
def test_two_unrelated_faults_in_the_same_minute_stay_two_groups() -> None:
    desk = Desk()
    for second, (name, service) in enumerate(
        [
            ("CartErrors", "cart"),
            ("SearchSlow", "search"),
            ("CheckoutErrors", "checkout"),
            ("IndexSlow", "search-index"),
        ]
    ):
        desk.deliver(item(name, service, second), seconds=second + 1)
    assert services(desk) == [{"cart", "checkout"}, {"search", "search-index"}]


@pytest.mark.criterion(3)
def test_a_common_caller_does_not_join_two_faults_behind_it() -> None:
    desk = Desk()
    for second, service in enumerate(["checkout", "gateway", "search"]):
        desk.deliver(item("HighErrorRate", service, second), seconds=second + 1)
    assert services(desk) == [{"checkout", "gateway"}, {"search"}]


@pytest.mark.criterion(4)
@pytest.mark.parametrize("order", list(itertools.permutations(DEPENDANTS))[::103])
def test_six_dependants_of_a_silent_database_are_one_cascade_that_names_it(order: tuple[str, ...]) -> None:
    desk = Desk()
    for second, service in enumerate(order):
        desk.deliver(item(f"{service}Errors", service, second), seconds=second + 1)
    (group,) = desk.groups
    assert (group.cascade, group.origin, set(group.services)) == (True, "orders-db", set(DEPENDANTS))


@pytest.mark.criterion(4)
def test_the_alarming_database_is_the_origin_wherever_it_stands_in_the_delivery() -> None:
    desk = Desk()
    names = [*DEPENDANTS[:3], "orders-db", *DEPENDANTS[3:]]
    desk.deliver(*(item("Down", name, second) for second, name in enumerate(names)), seconds=9)
    (group,) = desk.groups
    assert (group.cascade, group.origin, len(group.firing)) == (True, "orders-db", 7)


def test_a_cascade_through_a_silent_middle_tier_names_the_deepest_alarming_service() -> None:
    desk = Desk()
    desk.deliver(item("Errors", "gateway", 0), item("Slow", "cart", 5), seconds=6)
    (group,) = desk.groups
    assert group.origin == "cart"


def test_siblings_that_alarm_minutes_apart_under_other_names_are_two_faults() -> None:
    desk = Desk()
    desk.deliver(item("BillingErrors", "billing", 0), seconds=1)
    desk.deliver(item("StockSlow", "stock", 200), seconds=201)
    assert len(desk.groups) == 2


def test_a_caller_that_alarms_after_the_window_is_a_new_fault() -> None:
    desk = Desk(settings=AlertSettings(join_seconds=300))
    desk.deliver(item("CartErrors", "cart", 0), seconds=1)
    desk.deliver(item("CheckoutErrors", "checkout", 301), seconds=302)
    assert len(desk.groups) == 2


def test_the_same_service_joins_its_open_incident_however_late() -> None:
    desk = Desk()
    desk.deliver(item("CartErrors", "cart", 0), seconds=1)
    desk.deliver(item("CartSlow", "cart", 7200), seconds=7201)
    assert len(desk.groups) == 1


def test_another_environment_is_another_fault() -> None:
    desk = Desk()
    desk.deliver(
        item("CartErrors", "cart", 0), item("CartErrors", "cart", 1, environment="staging"), seconds=2
    )
    assert {group.environment for group in desk.groups} == {"production", "staging"}


def test_alerts_without_a_service_join_by_the_thing_they_name() -> None:
    desk = Desk()
    desk.deliver(item("DiskFull", None, 0, host="db-7"), item("IoWait", None, 9, host="db-7"), seconds=10)
    desk.deliver(item("DiskFull", None, 12, host="web-1"), seconds=13)
    assert [len(group.occurrences) for group in desk.groups] == [
        3
    ]  # the same nameless alert elsewhere joins too
    desk.deliver(item("NtpDrift", None, 14, host="web-9"), seconds=15)
    assert len(desk.groups) == 2


def test_an_alert_on_a_service_we_just_mitigated_belongs_to_the_same_incident() -> None:
    desk = Desk()
    desk.deliver(item("CartErrors", "cart", 0), seconds=1)
    (incident,) = desk.all_incidents
    desk.settle(incident, IncidentState.MITIGATED, Outcome.MITIGATED_BY_US, 100)
    desk.deliver(item("CartRestarted", "cart", 130), seconds=131)
    desk.deliver(item("SearchSlow", "search", 131), seconds=132)
    assert services(desk) == [{"cart"}, {"search"}]


def test_a_new_alert_after_a_false_alarm_on_the_same_service_is_investigated() -> None:
    desk = Desk()
    desk.deliver(item("CartNoise", "cart", 0), seconds=1)
    (incident,) = desk.all_incidents
    desk.settle(incident, IncidentState.DISMISSED, Outcome.NOISE, 20)
    desk.deliver(item("CartErrors", "cart", 40), seconds=41)
    assert len(desk.runs.started) == 2


def test_an_incident_in_a_persons_hands_keeps_its_neighbors_but_not_for_ever() -> None:
    desk = Desk()
    desk.deliver(item("CartErrors", "cart", 0), seconds=1)
    (incident,) = desk.all_incidents
    desk.settle(incident, IncidentState.ESCALATED, Outcome.ESCALATED, 50)
    desk.deliver(item("CheckoutErrors", "checkout", 60), seconds=61)
    desk.deliver(item("CartSlow", "cart", 9000), seconds=9001)
    assert services(desk) == [{"cart", "checkout"}, {"cart"}]


def test_severity_and_times_of_a_group_are_the_worst_and_the_widest() -> None:
    desk = Desk()
    desk.deliver(item("Slow", "cart", 5, severity="warning"), item("Errors", "cart", 3), seconds=10)
    (group,) = desk.groups
    assert (group.severity, group.first_at.second, group.last_at.second) == ("critical", 3, 5)
