"""Alike faults share a signature and a family whatever they are called; unlike ones do not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from autoheal.domain.alert import Alert, AlertStatus, Attribution, Severity
from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.investigation import Hypothesis, HypothesisState, Mechanism
from autoheal.graph.signature import alert_class, failure_family, incident_signature


def alert(name: str, service: str) -> Alert:
    return Alert(
        fingerprint=f"{name}{service}",
        source="alertmanager",
        name=name,
        status=AlertStatus.FIRING,
        severity=Severity.HIGH,
        original_severity="high",
        attribution=Attribution(service=service, method="label", confidence=1.0),
        starts_at=datetime(2026, 5, 4, tzinfo=UTC),
        labels={"pod": f"{service}-7f9c", "value": "0.93"},
    )


def hypothesis(entity: str, mechanism: Mechanism) -> Hypothesis:
    return Hypothesis(
        id="h",
        entity=entity,
        mechanism=mechanism,
        statement=f"{entity} fails",
        score=1.0,
        confidence=0.9,
        author="engine",
        state=HypothesisState.ACCEPTED,
    )


def change(kind: ChangeKind, entity: str) -> Change:
    return Change(id=f"{kind}-{entity}", kind=kind, entity=entity, time=1.0)


@pytest.mark.parametrize(
    ("name", "service"),
    [("OrdersHighErrorRate", "orders"), ("high_error_rate", "cart"), ("HighErrorRate2", None)],
)
def test_an_alert_class_has_no_service_and_no_number(name: str, service: str | None) -> None:
    assert alert_class(name, service) == "high-error-rate"


def test_an_alert_named_only_like_its_service_keeps_its_name() -> None:
    assert alert_class("Orders", "orders") == "orders"


def test_the_same_alerts_on_other_services_in_other_order_have_one_signature() -> None:
    first = [alert("HighErrorRate", "cart"), alert("CartSlow", "cart")]
    second = [alert("OrdersSlow", "orders"), alert("HighErrorRate", "orders")]
    assert incident_signature(first) == incident_signature(second)
    assert incident_signature(first) != incident_signature(first[:1])


def test_one_kind_of_fault_is_one_family_on_every_service() -> None:
    cart = failure_family(hypothesis("cart", Mechanism.ERRORS), change(ChangeKind.DEPLOY, "cart"))
    orders = failure_family(hypothesis("orders", Mechanism.ERRORS), change(ChangeKind.COMMIT, "orders"))
    assert cart == orders


def test_other_mechanisms_and_other_kinds_of_change_are_other_families() -> None:
    families = {
        failure_family(hypothesis("cart", mechanism), changed)
        for mechanism in Mechanism
        for changed in (None, change(ChangeKind.DEPLOY, "cart"), change(ChangeKind.FLAG, "cart"))
    }
    assert len(families) == 3 * len(Mechanism)
