"""The plain JSON source: little is needed, and what is wrong is said."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoheal.alerts.normalize import UNSTATED_START
from autoheal.domain.alert import Alert, AlertStatus, Severity
from autoheal.domain.errors import MalformedError
from autoheal.integrations.generic.alerts import FIELDS, GenericAlerts

NOW = datetime(2026, 11, 20, 14, 6, tzinfo=UTC)


def decode(document: object) -> list[Alert]:
    return list(GenericAlerts().decode(json.dumps(document).encode(), event_id="evt_1", received_at=NOW))


def test_a_name_is_enough() -> None:
    (alert,) = decode({"name": "disk is full"})
    assert (alert.name, alert.status, alert.severity) == ("disk is full", AlertStatus.FIRING, Severity.MEDIUM)
    assert (alert.service, alert.starts_at) == (None, UNSTATED_START)


def test_every_field_arrives() -> None:
    (alert,) = decode(
        {
            "name": "cart is down",
            "status": "recovered",
            "severity": 2,
            "severity_scale": "falling",
            "service": "cart",
            "environment": "prod",
            "description": "no answer",
            "expression": "up == 0",
            "labels": {"zone": "b"},
            "annotations": {"runbook": "r"},
            "starts_at": "2026-11-20T14:05:30+01:00",
            "ends_at": 1795183530,
            "fingerprint": "f-1",
            "ticket": 7,
        }
    )
    assert (alert.status, alert.severity, alert.original_severity) == (
        AlertStatus.RESOLVED,
        Severity.HIGH,
        "2",
    )
    assert (alert.service, alert.environment, alert.summary) == ("cart", "production", "no answer")
    assert (alert.expression, alert.fingerprint) == ("up == 0", "f-1")
    assert alert.labels == {"zone": "b", "service": "cart"}
    assert alert.annotations == {"runbook": "r", "ticket": "7"}
    assert alert.starts_at == datetime(2026, 11, 20, 13, 5, 30, tzinfo=UTC)


def test_one_a_list_and_an_object_of_alerts_are_read_alike() -> None:
    one = {"name": "a", "starts_at": 1795183530}
    assert decode(one) == decode([one]) == decode({"alerts": [one]})


def test_the_fingerprint_does_not_change_with_status_or_text() -> None:
    fire, resolve = decode(
        [
            {"name": "a", "service": "cart", "labels": {"x": "1", "y": "2"}, "summary": "one"},
            {
                "name": "a",
                "service": "cart",
                "labels": {"y": "2", "x": "1"},
                "summary": "two",
                "status": "ok",
            },
        ]
    )
    other = decode({"name": "a", "service": "search"})[0]
    assert fire.fingerprint == resolve.fingerprint != other.fingerprint


def test_names_that_are_no_names_are_cut() -> None:
    (alert,) = decode({"name": "n" * 9_000, "service": "s" * 9_000, "environment": "e" * 9_000})
    assert (len(alert.name), len(alert.service or ""), len(alert.environment)) == (200, 200, 100)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({}, "alert.name is missing: say what the alert is called"),
        ({"name": 3}, "alert.name must be text, not a number"),
        ([{"name": "a"}, {"name": " "}], "alert 1.name is missing"),
        ({"alerts": {}}, "alerts must be a list of alerts"),
        ("hello", "alert must be an object, not text"),
        ({"name": "a", "status": "perhaps"}, "alert.status must be firing or resolved, not 'perhaps'"),
        ({"name": "a", "severity": True}, "alert.severity must be text, not true or false"),
        ({"name": "a", "severity_scale": "odd"}, "severity_scale must be one of rising, falling, syslog"),
        ({"name": "a", "starts_at": "noon"}, "alert.starts_at must be a time with zone"),
        ({"name": "a", "labels": []}, "alert.labels must be an object, not a list"),
    ],
)
def test_a_wrong_field_is_named(document: object, says: str) -> None:
    with pytest.raises(MalformedError, match=says):
        decode(document)


PAGE = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")


def test_the_documented_call_is_read() -> None:
    (shown,) = re.findall(r"curl -d '(.*?)'", PAGE)
    assert decode(json.loads(shown))[0].severity is Severity.CRITICAL


def test_every_field_is_documented_and_no_other() -> None:
    cells = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} == FIELDS


VALUES = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.dictionaries(st.text(), st.text())
)


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)) | st.text(max_size=5), VALUES))
@settings(max_examples=300, deadline=None)
def test_anything_is_read_or_refused(document: dict[str, object]) -> None:
    try:
        (alert,) = decode(document)
    except MalformedError:
        return
    assert alert.name == str(document["name"]).strip()
