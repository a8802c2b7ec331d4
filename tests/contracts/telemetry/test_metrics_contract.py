"""What every metrics backend must hold, in memory and in a real Prometheus."""

from __future__ import annotations

import math

import pytest

from autoheal.domain.evidence import Empty, Failed, Found, NoData, digest_of
from autoheal.healing.metric_plan import plan
from autoheal.integrations.memory.metrics import MemoryMetrics
from autoheal.ports.telemetry import Metrics

_LIKE_THE_REAL_ONE = (
    "queue_depth",
    'queue_depth{queue!="mail"} * 2 - 1',
    'queue_depth{service=~"c.*"} > 3',
    "-queue_depth",
    "sum(queue_depth)",
    "count by (service) (queue_depth) > 1",
    "avg without (queue) (queue_depth)",
    "increase(restarts_total[2m])",
    "max_over_time(queue_depth[1m])",
    "avg_over_time(queue_depth[45s])",
    "timestamp(queue_depth)",
    'absent(queue_depth{service="nobody"})',
    "queue_depth and on (service) restarts_total",
    "queue_depth unless on (service) restarts_total",
    "queue_depth > bool 2",
    "sum by (service) (rate(http_requests_total[1m])) / 0",
    "histogram_quantile(0.7, sum by (le) (rate(http_request_duration_seconds_bucket[1m])))",
)


def test_rows_carry_the_service_and_the_given_subject(metrics: Metrics, start: float) -> None:
    asked = "sum by (service) (rate(http_requests_total[1m]))"
    result = metrics.range(asked, start=start + 600, end=start + 620, step=10, subject="traffic")
    assert {row.subject for row in result.rows} == {"traffic"}
    of_cart = [(row.time, round(row.value, 6)) for row in result.rows if row.entity == "cart"]
    assert of_cart == [(start + 600, 0.4), (start + 610, 0.4), (start + 620, 0.4)]
    assert isinstance(result.answer, Found)
    assert result.answer.rows == len(result.rows)
    assert result.answer.digest == digest_of(result.rows)


def test_an_instant_gives_one_row_per_series_and_tells_them_apart(metrics: Metrics, start: float) -> None:
    rows = metrics.instant('queue_depth{service="cart"}', at=start + 95).rows
    assert sorted((row.text, row.value) for row in rows) == [('queue="bills"', 3.0), ('queue="mail"', 2.0)]
    assert {(row.entity, row.subject) for row in rows} == {("cart", "queue_depth")}


def test_a_series_without_a_service_is_named_by_its_job(metrics: Metrics, start: float) -> None:
    (row,) = metrics.instant('queue_depth{job="batch"}', at=start + 95).rows
    assert (row.entity, row.text) == ("batch", 'instance="b:1"')


@pytest.mark.criterion(23)
def test_nothing_above_the_threshold_is_empty_and_not_missing(metrics: Metrics, start: float) -> None:
    assert metrics.instant("queue_depth > 1000", at=start + 100).answer == Empty()
    ranged = metrics.range('http_requests_total{service="nobody"}', start=start, end=start + 100, step=10)
    assert ranged.answer == Empty()


@pytest.mark.criterion(23)
def test_a_metric_nobody_knows_is_missing_and_not_zero(metrics: Metrics, start: float) -> None:
    assert metrics.instant("no_such_metric > 1000", at=start + 100).answer == NoData()
    missing = metrics.range("rate(no_such_total[1m])", start=start, end=start + 100, step=10)
    assert missing.answer == NoData()
    assert missing.rows == ()


@pytest.mark.criterion(23)
def test_a_ratio_without_any_traffic_is_missing_and_not_zero(metrics: Metrics, start: float) -> None:
    idle = 'rate(http_requests_total{service="idle"}[1m])'
    assert metrics.instant(f"{idle} / {idle}", at=start + 300).answer == NoData()


def test_an_expression_that_cannot_be_parsed_fails_with_a_reason(metrics: Metrics, start: float) -> None:
    answer = metrics.instant("sum by (service (queue_depth", at=start + 100).answer
    assert isinstance(answer, Failed)
    assert answer.reason


@pytest.mark.parametrize("expression", _LIKE_THE_REAL_ONE)
def test_memory_answers_like_the_real_one(
    expression: str, in_memory: MemoryMetrics, real: Metrics, start: float
) -> None:
    _agree(expression, in_memory, real, start)


def test_memory_answers_the_planned_queries_like_the_real_one(
    in_memory: MemoryMetrics, real: Metrics, start: float
) -> None:
    planned = plan(in_memory.catalog(), label="service", window=60, budget=40)
    assert len(planned) >= 7
    for query in planned:
        _agree(query.expression, in_memory, real, start)


def _agree(expression: str, in_memory: Metrics, real: Metrics, start: float) -> None:
    expected, given = (
        metrics.range(expression, start=start + 195, end=start + 1000, step=35.0)
        for metrics in (real, in_memory)
    )
    assert given.answer.kind == expected.answer.kind
    ours = {(row.time, row.entity, row.subject, row.text): row.value for row in given.rows}
    theirs = {(row.time, row.entity, row.subject, row.text): row.value for row in expected.rows}
    assert ours.keys() == theirs.keys()
    assert all(math.isclose(ours[key], theirs[key], rel_tol=1e-9, abs_tol=1e-12) for key in theirs)
