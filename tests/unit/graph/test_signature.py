"""Alike faults share a signature and a family whatever they are called; unlike ones do not."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


WORDS = st.sampled_from(["High", "Error", "Rate", "Queue", "Backlog", "Disk", "Full", "Latency"])
KIND = st.lists(WORDS, min_size=1, max_size=4, unique=True).map("".join)
NAME = st.from_regex(r"[a-z]{3,9}(-[a-z]{3,6})?", fullmatch=True).filter(
    lambda name: not set(re.findall("[a-z]+", name)) & {"high", "error", "rate", "queue", "disk", "full"}
)
POD = st.from_regex(r"[a-z]{3,6}-[0-9][0-9a-f]{3,8}-[0-9a-z]{5}", fullmatch=True)


@given(
    kind=KIND,
    first=NAME,
    second=NAME,
    pods=st.tuples(POD, POD),
    values=st.tuples(st.floats(0, 999), st.integers()),
)
def test_names_pods_and_values_do_not_change_a_signature(
    kind: str, first: str, second: str, pods: tuple[str, str], values: tuple[float, int]
) -> None:
    one = alert(f"{kind} {values[0]:.2f}% on {pods[0]}", first)
    other = alert(f"{kind} {values[1]} on {pods[1]}", second)
    assert incident_signature([one]) == incident_signature([other])


@given(kinds=st.lists(KIND, min_size=2, max_size=2, unique_by=lambda kind: kind), service=NAME)
def test_other_kinds_of_alerts_are_never_one_signature(kinds: list[str], service: str) -> None:
    one, other = (incident_signature([alert(kind, service)]) for kind in kinds)
    assert one != other


@given(kinds=st.lists(KIND, min_size=1, max_size=4), repeats=st.integers(1, 3))
def test_order_and_repetition_do_not_change_a_signature(kinds: list[str], repeats: int) -> None:
    alerts = [alert(kind, "cart") for kind in kinds]
    assert incident_signature(alerts) == incident_signature([*reversed(alerts)] * repeats)


def test_what_labels_say_of_the_one_case_is_no_part_of_the_kind() -> None:
    labels = {"namespace": "checkout", "severity": "critical", "pod": "x"}
    assert alert_class("Crashing in checkout", "cart", labels) == "crashing-in"
    assert alert_class("CriticalErrors", "cart", {"severity": "critical"}) == "critical-errors"


@pytest.mark.parametrize(
    ("name", "service", "kind"),
    [
        ("CheckoutV2HighErrorRate", "checkout-v2", "high-error-rate"),
        ("Checkout-v2HighErrorRate", "checkout-v2", "high-error-rate"),
        ("[FIRING:3] HighLatency (payments eu-west-1)", "payments", "firing-high-latency"),
        ("CPU > 90% on ip-10-0-3-17.ec2.internal", None, "cpu-on"),
        ("Disk full on /dev/nvme0n1p2", "db", "disk-full-on"),
        ("HighErrorRate", "payment-error-handler", "high-error-rate"),
        ("ServiceDown", "order-service", "service-down"),
        ("HTTP5xx", "cart", "http-5xx"),
        ("HTTP4xx", "cart", "http-4xx"),
        ("жюри: задержка большая", "жюри", "задержка-большая"),
        ("订单错误率过高", "订单", "错误率过高"),
        ("错误率过高", "库存", "错误率过高"),
        ("ÜberlastAufKasse", "kasse", "überlast-auf"),
        ("High\u200bError\u200bRate", "cart", "high-error-rate"),
        ("\U0001f525", "cart", "\U0001f525"),
        ("", "cart", "unnamed"),
    ],
)
def test_the_kind_of_an_alert_is_told_in_any_script_and_by_any_habit(
    name: str, service: str | None, kind: str
) -> None:
    assert alert_class(name, service) == kind


TEXT = st.text(min_size=1, max_size=40)


@given(name=TEXT, service=st.none() | TEXT)
def test_every_alert_has_a_kind_of_bounded_length(name: str, service: str | None) -> None:
    assert 0 < len(alert_class(name * 20, service)) <= 130


LETTERS = st.text(alphabet=st.characters(categories=["Lo"]), min_size=2, max_size=12)


@given(names=st.lists(LETTERS, min_size=2, max_size=2, unique=True))
def test_other_words_of_a_script_without_capitals_are_other_kinds(names: list[str]) -> None:
    one, other = (alert_class(name, "cart") for name in names)
    assert (one == other) is (normalize("NFKC", names[0]) == normalize("NFKC", names[1]))


def test_a_deploy_that_raises_errors_and_one_that_eats_memory_are_two_families() -> None:
    deploy = change(ChangeKind.DEPLOY, "cart")
    blamed = hypothesis("cart", Mechanism.DEPLOY)
    shown = {Mechanism.ERRORS, Mechanism.RESOURCE_EXHAUSTION}
    families = {failure_family(replace(blamed, shows_as=how), deploy) for how in shown}
    assert families == {"errors/deploy", "resource_exhaustion/deploy"}
