"""A kind of alert is told in any script, under any clothes of the one case, no two kinds are one."""

from __future__ import annotations

import time
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoheal.domain.errors import ConfigError
from autoheal.domain.skill import Matcher
from autoheal.graph.matchers import holds, narrows, parse, render, without_service
from autoheal.graph.signature import alert_class, words

UNLIKE = [
    "Высокая доля ошибок",
    "Нехватка памяти",
    "错误率高",
    "内存不足",
    "エラー率が高い",
    "メモリ不足",
    "Überlastung",
    "خطأ مرتفع",
    "ذاكرة ممتلئة",
    "त्रुटि दर",
    "मेमोरी कम",
    "🔥",
    "💾",
    "HTTP5xxErrors",
    "HTTP4xxErrors",
    "HTTP 404 rate",
    "HTTP 503 rate",
]
SERVICES = [
    "checkout-v2",
    "svc-2024-11-23",
    "корзина",
    "支付",
    "Zürich-Kasse",
    "x" * 300,
    "o11y",
    "s3",
    "決済-api",
]


@pytest.mark.parametrize("service", SERVICES)
def test_no_two_failures_in_other_scripts_are_one_kind(service: str) -> None:
    kinds = [alert_class(name, service) for name in UNLIKE]
    assert len(set(kinds)) == len(UNLIKE)
    assert all(kinds)


@pytest.mark.parametrize("name", UNLIKE)
def test_a_kind_is_the_same_on_every_service_whatever_it_is_called(name: str) -> None:
    plain = alert_class(name, None)
    assert {alert_class(f"{service} {name}", service) for service in SERVICES} == {plain}
    assert {alert_class(f"{name}: {service}", service) for service in SERVICES} == {plain}


DRESS = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
    st.uuids().map(str),
    st.datetimes().map(lambda t: t.isoformat()),
    st.datetimes().map(lambda t: t.strftime("%Y-%m-%d %H:%M:%S")),
    st.binary(min_size=4, max_size=32).map(bytes.hex),
    st.integers(1, 65535).map(lambda port: f":{port}"),
    st.integers(0, 255).map(lambda n: f"ip-10-0-{n}-{n}.ec2.internal"),
    st.tuples(st.integers(0, 99), st.integers(1, 99)).map("{0[0]}/{0[1]}".format),
    st.tuples(
        st.floats(0, 1e6).map("{:.2f}".format),
        st.sampled_from([" ", ""]),
        st.sampled_from(["%", "ms", "s", "seconds", "MiB", "GB", "bytes", "min", "h", "rps"]),
    ).map("".join),
    st.sampled_from(
        ["eu-west-1", "us-east-1a", "/dev/sda1", "/dev/nvme0n1p2", "/var/lib/db", "#42", "$12.50"]
    ),
    st.from_regex(r"[a-z]{3,6}-[bcdfghjklmnpqrstvwxz2456789]{5}", fullmatch=True),
)


@given(kind=st.sampled_from(UNLIKE), one=DRESS, other=DRESS)
def test_what_names_one_case_is_no_part_of_the_kind(kind: str, one: str, other: str) -> None:
    assert alert_class(f"{kind} ({one})", "cart") == alert_class(f"{kind} [{other}]", "cart")


@given(name=st.text(max_size=80), service=st.none() | st.text(max_size=20), value=st.text(max_size=20))
def test_any_text_has_a_kind_and_it_does_not_depend_on_how_it_is_composed(
    name: str, service: str | None, value: str
) -> None:
    labels = {"pod": value}
    found = alert_class(name, service, labels)
    assert found
    assert alert_class(name, service, labels) == found
    assert words(normalize("NFD", name)) == words(normalize("NFC", name))


def test_a_label_that_says_what_is_wrong_is_not_cut_from_the_name() -> None:
    disk = alert_class("Low disk space", "cart", {"resource": "disk", "node": "n-1"})
    memory = alert_class("Low memory space", "cart", {"resource": "memory", "node": "n-1"})
    assert disk != memory


def test_a_service_named_like_a_failure_loses_only_its_own_name() -> None:
    assert alert_class("ErrorTrackerHighErrorRate", "error-tracker") == "high-error-rate"


@pytest.mark.parametrize(
    "monster",
    ["1," * 50_000, "1:" * 50_000, "a1-" * 50_000, "1." * 50_000 + "!", "-" * 100_000, "ü" * 100_000],
)
def test_the_kind_of_a_monstrous_name_is_told_in_linear_time(monster: str) -> None:
    started = time.process_time()
    assert alert_class(monster, "cart")
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("name", "service", "left"),
    [
        ("KycMemoryHigh", "kyc", "MemoryHigh"),
        ("CheckoutApiHighErrors", "checkout-api", "HighErrors"),
        ("checkout_api:errors", "checkout-api", "errors"),
        ("PaymentsErrorRate", "pay", "PaymentsErrorRate"),
        ("ErrorRateHigh", "r", "ErrorRateHigh"),
        ("İİİİCheckoutErrors", "checkout", "İİİİErrors"),
        ("Errors", "", "Errors"),
        ("Errors", "---", "Errors"),
    ],
)
def test_only_a_whole_name_is_taken_from_an_alert(name: str, service: str, left: str) -> None:
    assert without_service(name, service) == left


@given(name=st.text(max_size=40), service=st.text(max_size=8))
def test_taking_the_service_from_any_name_leaves_a_name(name: str, service: str) -> None:
    left = without_service(name, service)
    assert left == name or len(left) >= 4


def test_a_name_longer_than_patterns_read_is_still_equal_to_itself() -> None:
    name = "HighErrorRate" * 40
    assert holds(Matcher(label="alertname", operator="=", value=name), {"alertname": name})
    assert not holds(Matcher(label="alertname", operator="=", value=name), {"alertname": name + "x"})


WRITTEN = st.text(alphabet='(|)*+?{}[]^$.ab19,-&~\\"', max_size=40).map('a=~"{}"'.format)


@given(text=st.text(max_size=40) | WRITTEN, value=st.text(alphabet="ab1-[", max_size=5).map(lambda v: v * 60))
def test_any_matcher_is_refused_with_the_documented_error_or_read_and_quick(text: str, value: str) -> None:
    try:
        matcher = parse(text)
    except ConfigError:
        return
    started = time.process_time()
    holds(matcher, {matcher.label: value})
    narrows(matcher)
    assert time.process_time() - started < 0.5
    assert parse(render(matcher)) == matcher


@pytest.mark.parametrize("pattern", ["a{99999999999}", "[[a]", "[a--b]", "[a&&b]"])
def test_a_pattern_that_python_warns_of_or_cannot_hold_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigError):
        parse(f'alertname=~"{pattern}"')
