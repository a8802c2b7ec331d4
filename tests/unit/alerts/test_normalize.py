"""Vendors' words on one scale."""

from __future__ import annotations

import pytest
from tests.unit.alerts.desk import Desk, item

from autoheal.alerts.normalize import Scale, environment, severity, status
from autoheal.domain.alert import AlertStatus, Severity


@pytest.mark.criterion(6)
@pytest.mark.parametrize(
    ("word", "scale", "expected"),
    [
        ("P1", Scale.RISING, Severity.CRITICAL),
        ("critical", Scale.RISING, Severity.CRITICAL),
        ("5", Scale.RISING, Severity.CRITICAL),
        ("error", Scale.RISING, Severity.HIGH),
        ("1", Scale.FALLING, Severity.CRITICAL),
        ("5", Scale.FALLING, Severity.INFO),
        ("0", Scale.SYSLOG, Severity.CRITICAL),
        ("4", Scale.SYSLOG, Severity.MEDIUM),
        ("99999999999999999999", Scale.RISING, Severity.CRITICAL),
        ("SEV-2", Scale.RISING, Severity.HIGH),
        ("P3 - Moderate", Scale.RISING, Severity.MEDIUM),
        ("Warning", Scale.RISING, Severity.MEDIUM),
        ("page", Scale.RISING, Severity.CRITICAL),
        ("info", Scale.RISING, Severity.INFO),
        ("²", Scale.RISING, Severity.MEDIUM),
        ("bananas", Scale.RISING, Severity.MEDIUM),
        ("", Scale.RISING, Severity.MEDIUM),
    ],
)
def test_each_vendors_word_lands_on_the_one_scale(word: str, scale: Scale, expected: Severity) -> None:
    assert severity(word, scale) is expected


@pytest.mark.criterion(6)
def test_the_vendors_own_word_is_kept_beside_the_scale() -> None:
    desk = Desk()
    desk.deliver(item("A", "cart", 0, severity="P1"), seconds=1)
    desk.post({"name": "B", "service": "cart", "severity": 5}, 2)
    desk.post({"name": "C", "service": "cart", "severity": "error"}, 3)
    assert {(a.original_severity, a.severity) for a in desk.stored} == {
        ("P1", Severity.CRITICAL),
        ("5", Severity.CRITICAL),
        ("error", Severity.HIGH),
    }


def test_short_names_of_environments_are_written_out() -> None:
    assert [environment(labels) for labels in ({"env": "PROD"}, {"stage": "canary"}, {})] == [
        "production",
        "canary",
        "unknown",
    ]


def test_a_status_that_says_neither_is_none() -> None:
    assert (status("OK"), status("Alerting"), status("maybe")) == (
        AlertStatus.RESOLVED,
        AlertStatus.FIRING,
        None,
    )
