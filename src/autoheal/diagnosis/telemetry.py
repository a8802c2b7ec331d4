"""What the engine reads: one window of metrics, logs, spans, topology and changes around an alert."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from autoheal.domain.change import Change

METRIC_COLUMNS = {"time": pl.Float64, "entity": pl.String, "metric": pl.String, "value": pl.Float64}
LOG_COLUMNS = {"time": pl.Float64, "entity": pl.String, "trace_id": pl.String, "message": pl.String}
SPAN_COLUMNS = {
    "trace_id": pl.String,
    "span_id": pl.String,
    "parent_id": pl.String,
    "entity": pl.String,
    "operation": pl.String,
    "start": pl.Float64,
    "duration_ms": pl.Float64,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """History and symptoms up to the alert; times in unix seconds, tables in long form.

    metrics: time, entity, metric, value. logs: time, entity, trace_id, message. spans: trace_id, span_id,
    parent_id ("root" or null at the root), entity, operation, start, duration_ms and optionally error (bool).
    topology holds (caller, callee) pairs; missing names the sources that failed or timed out.
    earliest_onset is a moment before which the fault cannot have begun, where a live alert's own condition
    tells one: what was unusual earlier belongs to an earlier fault. logs_from is the moment since which every
    line is there, where that is known: then silence before the onset is silence, and not a gap.
    """

    start: float
    end: float
    alert_time: float
    alert_entity: str | None
    metrics: pl.DataFrame
    logs: pl.DataFrame | None = None
    spans: pl.DataFrame | None = None
    topology: tuple[tuple[str, str], ...] = ()
    changes: tuple[Change, ...] = ()
    missing: tuple[str, ...] = ()
    earliest_onset: float | None = None
    logs_from: float | None = None
