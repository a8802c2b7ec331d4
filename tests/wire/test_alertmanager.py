"""Alertmanager's webhook, byte for byte."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoheal.domain.alert import AlertStatus, Severity
from autoheal.domain.errors import MalformedError
from autoheal.integrations.alertmanager.alerts import AlertmanagerAlerts, expression, fingerprint

SAMPLES = Path(__file__).parent / "samples"
NOW = datetime(2026, 11, 20, 14, 6, tzinfo=UTC)
VECTORS = json.loads((SAMPLES / "alertmanager_fingerprint_vectors.json").read_text())["vectors"]
DECODER = AlertmanagerAlerts()


@pytest.mark.parametrize(("labels", "expected"), [(v["labels"], v["fingerprint"]) for v in VECTORS])
def test_the_fingerprint_is_that_of_prometheus(labels: dict[str, str], expected: str) -> None:
    assert fingerprint(labels) == expected


def test_a_firing_notification_is_read() -> None:
    body = (SAMPLES / "alertmanager_webhook_v4_firing.json").read_bytes()
    first, second = DECODER.decode(body, event_id="evt_1", received_at=NOW)
    assert (first.name, first.service, first.environment) == (
        "CheckoutHighErrorRate",
        "checkout",
        "production",
    )
    assert (first.severity, first.original_severity) == (Severity.CRITICAL, "critical")
    assert (first.status, first.ends_at, first.event_id) == (AlertStatus.FIRING, None, "evt_1")
    assert first.starts_at == datetime(2026, 11, 20, 14, 5, 30, 412_000, tzinfo=UTC)
    assert first.fingerprint == fingerprint(first.labels) == "d811e61af9b3cb0f"
    assert first.expression.startswith("sum by (service) (rate(http_server_request_duration_seconds_count{")
    assert first.expression.endswith("> 0.05")
    assert second.severity is Severity.MEDIUM


def test_a_resolve_has_the_occurrence_of_its_fire() -> None:
    firing = DECODER.decode(
        (SAMPLES / "alertmanager_webhook_v4_firing.json").read_bytes(), event_id="a", received_at=NOW
    )
    resolved = DECODER.decode(
        (SAMPLES / "alertmanager_webhook_v4_resolved.json").read_bytes(), event_id="b", received_at=NOW
    )
    assert [alert.occurrence for alert in resolved] == [alert.occurrence for alert in firing]
    assert {(alert.status, alert.ends_at) for alert in resolved} == {
        (AlertStatus.RESOLVED, datetime(2026, 11, 20, 14, 13, 30, 412_000, tzinfo=UTC))
    }


def test_left_out_alerts_are_noted() -> None:
    body = json.loads((SAMPLES / "alertmanager_webhook_v4_firing.json").read_bytes())
    body["truncatedAlerts"] = 7
    first, _ = DECODER.decode(json.dumps(body).encode(), event_id="evt_1", received_at=NOW)
    assert first.annotations["truncated_alerts"] == "7"


def test_a_given_fingerprint_that_is_none_is_replaced() -> None:
    body = {
        "alerts": [
            {"status": "firing", "labels": {"job": "foo", "severity": "warning"}, "fingerprint": "<b>"}
        ]
    }
    (alert,) = DECODER.decode(json.dumps(body).encode(), event_id="evt_1", received_at=NOW)
    assert (alert.fingerprint, alert.name) == ("9266ef3da838ad95", "unnamed alert")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ([], "the payload must be an object, not a list"),
        ({}, "alerts must be a list, not null"),
        ({"version": "5", "alerts": []}, "version must be '4'"),
        ({"alerts": [3]}, r"alerts\[0\] must be an object, not a number"),
        ({"alerts": [{"status": "on"}]}, r"alerts\[0\].status must be firing or resolved"),
        (
            {"alerts": [{"status": "firing", "labels": {"a": 1}}]},
            r"alerts\[0\].labels.a must be text, not a number",
        ),
        (
            {"alerts": [{"status": "firing", "startsAt": "x"}]},
            r"alerts\[0\].startsAt must be a time with zone",
        ),
    ],
)
def test_a_wrong_field_is_named(body: object, says: str) -> None:
    with pytest.raises(MalformedError, match=says):
        DECODER.decode(json.dumps(body).encode(), event_id="evt_1", received_at=NOW)


@pytest.mark.parametrize(
    "link", ["", "no url", "http://[", "http://x/graph?g1.expr=up", "http://x/?" + "a&" * 9999]
)
def test_a_link_without_an_expression_gives_none(link: str) -> None:
    assert expression(link) == ""


FIELDS = st.sampled_from(
    ["status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"]
)
VALUES = (
    st.none()
    | st.integers()
    | st.text(max_size=9)
    | st.dictionaries(st.text(max_size=5), st.text(max_size=5))
)


@given(st.lists(st.dictionaries(FIELDS, VALUES | st.sampled_from(["firing", "resolved"])), max_size=3))
@settings(max_examples=200, deadline=None)
def test_any_alerts_are_read_or_refused(alerts: list[dict[str, object]]) -> None:
    try:
        decoded = DECODER.decode(json.dumps({"alerts": alerts}).encode(), event_id="evt_1", received_at=NOW)
    except MalformedError:
        return
    assert len(decoded) == len(alerts)
