"""What can hurt a service is what it calls and what loads it, and nothing else."""

from __future__ import annotations

import polars as pl

from autoheal.diagnosis.telemetry import METRIC_COLUMNS, Telemetry
from autoheal.healing.reach import reach, within

CALLS = (("web", "shop"), ("shop", "db"), ("web", "search"), ("search", "index"), ("db", "shop"))


def test_reach_goes_down_to_every_callee_and_up_to_every_caller_but_never_to_a_sibling() -> None:
    assert reach(("shop",), CALLS) == {"shop", "db", "web"}
    assert reach(("index",), CALLS) == {"index", "search", "web"}


def test_nothing_is_within_reach_of_nobody() -> None:
    assert reach((), CALLS) == set()


def test_only_what_can_have_hurt_is_left_and_what_was_not_measured_stays_unmeasured() -> None:
    rows = [(1.0, name, "errors", 0.5) for name in ("web", "shop", "search")]
    metrics = pl.DataFrame(rows, schema=METRIC_COLUMNS, orient="row")
    whole = Telemetry(
        start=0, end=9, alert_time=5, alert_entity="shop", metrics=metrics, topology=CALLS, logs=None
    )
    left = within(whole, reach(("shop",), CALLS))
    assert sorted(left.metrics["entity"]) == ["shop", "web"]
    assert left.topology == (("web", "shop"), ("shop", "db"), ("db", "shop"))
    assert left.logs is None
