"""What a Prometheus is asked and what is kept from it: limits, deadlines, refusals, odd answers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from autoheal.domain.errors import UnreachableError
from autoheal.domain.evidence import Empty, Failed, Found, NoData
from autoheal.integrations.prometheus.config import PrometheusSettings
from autoheal.integrations.prometheus.expression import refusal
from autoheal.integrations.prometheus.metrics import PrometheusMetrics
from autoheal.ports.telemetry import Metrics

Answer = tuple[int, bytes]
Backend = Callable[[str, str, bytes, dict[str, str]], Answer]
Serve = Callable[[Backend], str]


def _open(url: str, **settings: object) -> PrometheusMetrics:
    return PrometheusSettings.model_validate({"url": url, **settings}).open()


def _success(data: object, **more: object) -> Answer:
    return 200, json.dumps({"status": "success", "data": data, **more}).encode()


def _vector(*values: str) -> Answer:
    result = [{"metric": {"service": f"s{n}"}, "value": [1000, value]} for n, value in enumerate(values)]
    return _success({"resultType": "vector", "result": result})


_HOSTILE = [
    shape.format(selector=selector)
    for selector, shape in product(
        (
            '{__name__=~".+"}',
            '{__name__!=""}',
            '{__name__=~"[a-z].*"}',
            '{service=~".*"}',
            '{service!="x"}',
            '{service=""}',
            "{}",
            '{a=~"b",c!~"d"}',
            '{__name__=~"a|b",job!="x"}',
            '{service=~"x",}',
            "{service=~'.+'}",
            "{service=~`.+`}",
            "{service=~'=\"x\"'}",
            '{__name__=~".+",service=""}',
            "up[90d]",
            "up[7h]",
            "up[1y]",
            "up[21601s]",
            "up[6h1s]",
            "up[6h:1s]",
            "up[1h:10ms]",
            "max_over_time(max_over_time(up[2h:10s])[2h:10s])",
            "up[$__range]",
            'x{a="}',
            "x{",
        ),
        (
            "{selector}",
            "sum({selector})",
            "sum by (up) ({selector})",
            "rate({selector}[5m])",
            "{selector} or up",
            "up or {selector}",
            "topk(5, up) / ignoring (instance) group_left (job) {selector}",
            "max_over_time({selector}[1h:1m])",
            'count_values("up", {selector})',
            "absent({selector}) # up",
            "{selector} offset 1d",
            "# up\n{selector}",
        ),
    )
]
_FINE = (
    "up",
    'sum by (service) (rate(http_requests_total{code=~"5.."}[5m])) / on (service) group_left up > bool 0.5',
    '{job="x"}',
    'count({__name__="up",service=~".*"})',
    "max_over_time(rate(errors_total[1m])[30m:30s])",
    'label_replace(up, "to", "$1", "from", "(.*)")',
    "topk by (service) (3, queue_depth offset 1h)",
    "1 - (up @ end()) ^ 2",
    "histogram_quantile(0.95, sum by (le) (rate(x_bucket{a='b',c!=\"}\"}[1m])))",
    'timestamp(up{service=~"a|b"})',
    '{"http.requests", service=~"a|b"}',
    "sum(up) without (instance)",
    "1e3 * up + 0x1F - Inf",
)


@pytest.mark.parametrize("expression", _FINE)
def test_a_bounded_query_is_not_refused(expression: str) -> None:
    assert refusal(expression, max_range_seconds=21_600) is None


def test_three_hundred_hostile_queries_never_reach_the_backend(serve: Serve) -> None:
    reached: list[str] = []

    def backend(method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        reached.append(f"{method} {path} {body!r} {headers}")
        return _vector()

    metrics = _open(serve(backend))
    assert len(_HOSTILE) == 300
    for expression in _HOSTILE:
        asked = metrics.range(expression, start=0, end=60, step=1)
        assert isinstance(asked.answer, Failed), expression
        assert asked.answer.reason.startswith("refused: ")
    assert reached == []


def test_a_window_longer_than_allowed_is_refused_before_sending(serve: Serve) -> None:
    metrics = _open(serve(lambda *_: (500, b"")), max_range_seconds=3600)
    answer = metrics.range("up", start=0, end=3601, step=60).answer
    assert answer == Failed(reason="refused: a window of 3601 s, allowed are 3600 s")
    assert isinstance(metrics.range("up", start=10, end=0, step=1).answer, Failed)


def test_a_step_too_small_for_the_window_is_widened(serve: Serve) -> None:
    sent: list[dict[str, list[str]]] = []

    def backend(method: str, path: str, body: bytes, _: dict[str, str]) -> Answer:
        assert (method, path.partition("?")[0]) in {
            ("POST", "/api/v1/query_range"),
            ("GET", "/api/v1/label/__name__/values"),
        }
        sent.append(parse_qs(body.decode()))
        return _success({"resultType": "matrix", "result": []} if method == "POST" else ["up"])

    answer = _open(serve(backend)).range("up", start=0, end=21_600, step=0.001).answer
    assert answer == Empty()
    form = sent[0]
    assert 21_600 / float(form["step"][0]) < 11_000
    assert form["query"] == ["up"]
    assert form["timeout"] == ["10s"]


@pytest.mark.criterion(22)
def test_a_backend_that_does_not_answer_fails_in_time_with_a_reason(serve: Serve) -> None:
    release = threading.Event()

    def backend(*_: object) -> Answer:
        release.wait(10)
        return _vector("1")

    metrics = _open(serve(backend), timeout_seconds=0.3)
    began = time.monotonic()
    answer = metrics.instant("up", at=1000).answer
    took = time.monotonic() - began
    release.set()
    assert isinstance(answer, Failed)
    assert "no answer within 0.3 s" in answer.reason
    assert took < 1.5


@pytest.mark.criterion(22)
def test_a_backend_that_keeps_failing_is_left_alone(serve: Serve) -> None:
    asked: list[str] = []

    def backend(_: str, path: str, *__: object) -> Answer:
        asked.append(path)
        return 503, b'{"status":"error","errorType":"unavailable","error":"starting"}'

    metrics = _open(serve(backend))
    reasons = [a.reason for _ in range(9) if isinstance(a := metrics.instant("up", at=0).answer, Failed)]
    assert len(reasons) == 9
    assert len(asked) == 5
    assert reasons[0] == "unavailable: starting"
    assert "5 calls in a row failed" in reasons[-1]


def test_nobody_listening_is_a_failure_that_names_the_address() -> None:
    answer = _open("http://127.0.0.1:1").instant("up", at=0).answer
    assert isinstance(answer, Failed)
    assert "prometheus at http://127.0.0.1:1" in answer.reason


@pytest.mark.criterion(24)
def test_the_calls_per_second_are_kept_and_the_delay_is_told(serve: Serve) -> None:
    starts: list[float] = []

    def backend(*_: object) -> Answer:
        starts.append(time.monotonic())
        return _vector("1")

    metrics = _open(serve(backend), per_second=5, max_concurrent=16)
    with ThreadPoolExecutor(12) as pool:
        results = list(pool.map(lambda _: metrics.instant("up", at=0), range(12)))
    assert all(isinstance(result.answer, Found) for result in results)
    starts.sort()
    # Sixth after first, and so on: one period apart, but for what the way there takes.
    assert all(later - earlier > 0.9 for earlier, later in zip(starts, starts[5:], strict=False))
    delays = sorted(result.delayed_seconds for result in results)
    assert delays[4] < 0.5
    assert delays[-1] > 1.8


@pytest.mark.criterion(15)
@pytest.mark.criterion(24)
def test_queries_overlap_up_to_the_limit_and_never_above(serve: Serve) -> None:
    lock, at_once, most = threading.Lock(), 0, 0

    def backend(*_: object) -> Answer:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.1)
        with lock:
            at_once -= 1
        return _vector("1")

    metrics = _open(serve(backend), max_concurrent=3, per_second=1000)
    with ThreadPoolExecutor(9) as pool:
        results = list(pool.map(lambda _: metrics.instant("up", at=0), range(9)))
    assert most == 3
    assert max(result.delayed_seconds for result in results) > 0.15
    assert min(result.delayed_seconds for result in results) < 0.05


@pytest.mark.criterion(24)
def test_a_backend_that_asks_for_patience_is_asked_again_after_it(serve: Serve) -> None:
    answers = iter([(429, b""), _vector("1")])
    result = _open(serve(lambda *_: next(answers))).instant("up", at=0)
    assert isinstance(result.answer, Found)
    assert result.delayed_seconds >= 0.3


def test_no_turn_in_time_is_a_failure_and_not_a_hang(serve: Serve) -> None:
    metrics = _open(serve(lambda *_: _vector("1")), per_second=1, max_wait_seconds=0.1)
    assert isinstance(metrics.instant("up", at=0).answer, Found)
    answer = metrics.instant("up", at=0).answer
    assert isinstance(answer, Failed)
    assert "calls per second are used up" in answer.reason


def test_an_answer_too_large_is_not_read_to_its_end(serve: Serve) -> None:
    answer = _open(serve(lambda *_: _vector(*["1"] * 1000)), max_bytes=2048).instant("up", at=0).answer
    assert isinstance(answer, Failed)
    assert "larger than 2048 bytes" in answer.reason


@pytest.mark.criterion(23)
def test_values_that_are_no_numbers_are_dropped_and_prove_nothing(serve: Serve, samples: Path) -> None:
    sample = (samples / "prometheus_query_nan_inf.json").read_bytes()
    result = _open(serve(lambda *_: (200, sample))).instant("up", at=0)
    assert result.rows == ()
    assert result.answer == NoData()
    (row,) = _open(serve(lambda *_: _vector("NaN", "+Inf", "2.5", "-Inf"))).instant("up", at=0).rows
    assert (row.entity, row.value) == ("s2", 2.5)


@pytest.mark.criterion(23)
def test_an_empty_answer_with_a_warning_is_not_taken_for_zero(serve: Serve, samples: Path) -> None:
    sample = (samples / "prometheus_warning.json").read_bytes()
    answer = _open(serve(lambda *_: (200, sample))).instant("up", at=0).answer
    assert isinstance(answer, Failed)
    assert "only partly answered" in answer.reason


def test_native_histograms_are_refused_by_name_and_not_read_as_empty(serve: Serve, samples: Path) -> None:
    sample = (samples / "prometheus_query_native_histogram.json").read_bytes()
    answer = _open(serve(lambda *_: (200, sample))).instant("up", at=0).answer
    assert isinstance(answer, Failed)
    assert "histogram" in answer.reason


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b'{"status":"success"}', b'{"status":"success","data":{"resultType":"vector"}}']
    + [
        b'{"status":"success","data":{"resultType":"vector","result":[%s]}}' % item
        for item in (b"1", b'{"value":[1]}', b'{"value":[1,"x"]}')
    ]
    + [b"[" * 100_000],
)
def test_an_answer_that_is_no_answer_fails_with_a_reason(body: bytes, serve: Serve) -> None:
    answer = _open(serve(lambda *_: (200, body))).instant("up", at=0).answer
    assert isinstance(answer, Failed)
    assert answer.reason


def test_the_reason_of_the_backend_is_kept(serve: Serve, samples: Path) -> None:
    sample = (samples / "prometheus_error_bad_data.json").read_bytes()
    answer = _open(serve(lambda *_: (400, sample))).instant("up", at=0).answer
    assert answer == Failed(
        reason='bad_data: invalid parameter "query": 1:9: parse error: unexpected end of input'
    )


@pytest.mark.criterion(23)
def test_a_selector_without_a_name_is_known_by_its_matchers(real: Metrics) -> None:
    now = time.time()  # noqa: TID251  a real Prometheus lives now
    assert real.instant('{job="exporter"} > 1e12', at=now).answer == Empty()
    assert real.instant('{job="nobody"} > 1e12', at=now).answer == NoData()


def test_the_catalog_names_each_metric_once_with_its_type(real: Metrics) -> None:
    catalog = real.catalog()
    assert catalog["jobs_total"] == "counter"
    assert catalog["depth"] == "gauge"
    assert catalog["wait_seconds"] == "histogram"
    assert catalog["size_bytes"] == "summary"
    assert catalog["untold"] == "gauge"
    assert catalog["depth:max"] == "gauge"
    assert not {"jobs", "wait_seconds_bucket", "wait_seconds_sum", "size_bytes_count"} & catalog.keys()


def test_the_catalog_falls_back_to_names_without_metadata(serve: Serve) -> None:
    names = ["a_total", "b_bucket", "b_sum", "b_count", "c_sum", "c_count", "d", "lonely_sum"]

    def backend(_: str, path: str, *__: object) -> Answer:
        return (404, b"") if path.startswith("/api/v1/metadata") else _success(names)

    expected = {"a_total": "counter", "b": "histogram", "c": "summary", "d": "gauge", "lonely_sum": "gauge"}
    assert _open(serve(backend)).catalog() == expected


def test_the_rules_are_told_with_their_state(real: Metrics) -> None:
    rules = {rule.name: rule for rule in real.alert_rules()}
    assert rules.keys() == {"DepthSeen", "DepthHuge"}
    seen = rules["DepthSeen"]
    assert (seen.state, seen.expression, seen.for_seconds) == ("firing", "depth > 1", 1.0)
    assert seen.labels == {"severity": "critical"}
    assert seen.file.endswith("rules.yml")
    assert (rules["DepthHuge"].state, rules["DepthHuge"].for_seconds) == ("inactive", 90.0)


def test_the_rules_of_a_vendor_payload_are_read(serve: Serve, samples: Path) -> None:
    sample = (samples / "prometheus_rules.json").read_bytes()
    (rule,) = _open(serve(lambda *_: (200, sample))).alert_rules()
    assert (rule.name, rule.state, rule.for_seconds) == ("CheckoutHighErrorRate", "firing", 120.0)


def test_rules_of_a_backend_that_is_down_raise_and_are_not_none() -> None:
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:1"):
        _open("http://127.0.0.1:1").alert_rules()
