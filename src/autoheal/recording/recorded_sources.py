"""A recorded case that can be asked like production: its metrics, logs, spans and changes as sources."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from autoheal.diagnosis.telemetry import Telemetry
from autoheal.domain.change import Change
from autoheal.domain.evidence import Empty, Failed, Found, NoData, Row, digest_of
from autoheal.healing.gather import Sources
from autoheal.ports.telemetry import AlertRule, QueryResult, Span

_STALE_SECONDS = 600.0
"""An instant query answers the last sample that is not older; the slowest public recording has 5 minutes."""

_PREFIX, _SUFFIX = "{__name__=", "}"


def recorded_sources(telemetry: Telemetry) -> Sources:
    """Every kind of telemetry that the recording has, as sources that answer from it."""
    return Sources(
        metrics=RecordedMetrics(telemetry.metrics),
        logs=RecordedLogs(telemetry.logs) if telemetry.logs is not None else None,
        traces=RecordedTraces(telemetry.spans, telemetry.topology) if telemetry.spans is not None else None,
        changes=(RecordedChanges(telemetry.changes),),
    )


def selector(metric: str) -> str:
    """The PromQL selector of a recorded metric, whatever characters its name has."""
    return f"{_PREFIX}{json.dumps(metric)}{_SUFFIX}"


@dataclass(slots=True)
class RecordedMetrics:
    """Metrics that were recorded; it is asked by `selector`, other PromQL is refused."""

    table: pl.DataFrame
    name: str = "metrics"
    _by_metric: dict[str, tuple[Row, ...]] = field(default_factory=dict)

    def range(
        self, expression: str, *, start: float, end: float, step: float, subject: str = ""
    ) -> QueryResult:
        """The recorded samples from start to end; a recording has its own step."""
        del step
        metric = _metric(expression)
        if metric is None:
            return QueryResult(answer=Failed(reason=f"a recording knows only {_PREFIX}…{_SUFFIX}"))
        known = self._rows(metric)
        rows = [r for r in known if start <= r.time <= end]
        if subject and subject != metric:
            rows = [Row(time=r.time, entity=r.entity, subject=subject, value=r.value) for r in rows]
        return _result(rows, known=bool(known))

    def instant(self, expression: str, *, at: float) -> QueryResult:
        """The last sample of each entity that is not stale."""
        found = self.range(expression, start=at - _STALE_SECONDS, end=at, step=0.0)
        newest = {row.entity: row for row in sorted(found.rows, key=lambda row: row.time)}
        if isinstance(found.answer, Failed):
            return found
        return _result(list(newest.values()), known=not isinstance(found.answer, NoData))

    def catalog(self) -> Mapping[str, str]:
        """The recorded names; their types were not recorded."""
        return dict.fromkeys(self.table["metric"].unique().to_list(), "gauge")

    def alert_rules(self) -> Sequence[AlertRule]:
        """None: rules are not recorded."""
        return ()

    def _rows(self, metric: str) -> tuple[Row, ...]:
        if metric not in self._by_metric:
            picked = self.table.filter((pl.col("metric") == metric) & pl.col("value").is_finite())
            columns = picked.sort("time").select("time", "entity", "value").rows()
            self._by_metric[metric] = tuple(
                Row(time=time, entity=entity, subject=metric, value=value) for time, entity, value in columns
            )
        return self._by_metric[metric]


@dataclass(frozen=True, slots=True)
class RecordedLogs:
    """Log lines that were recorded."""

    table: pl.DataFrame
    name: str = "logs"

    def lines(self, *, services: Sequence[str], start: float, end: float, limit: int) -> QueryResult:
        """The newest `limit` lines of the services, oldest first; all services when none."""
        known = self.table.filter(pl.col("entity").is_in(list(services))) if services else self.table
        found = known.filter(pl.col("time").is_between(start, end)).sort("time", maintain_order=True)
        columns = found.tail(limit).select("time", "entity", "trace_id", "message").rows()
        rows = [Row(time=t, entity=e, subject=i or "", value=1.0, text=m or "") for t, e, i, m in columns]
        return _result(rows, known=bool(known.height))


@dataclass(frozen=True, slots=True)
class RecordedTraces:
    """Spans and calls that were recorded."""

    table: pl.DataFrame
    topology: tuple[tuple[str, str], ...]
    name: str = "traces"

    def spans(self, *, services: Sequence[str], start: float, end: float, limit: int) -> Sequence[Span]:
        """Spans of every trace that touches one of the services (all when none), in time order."""
        inside = self.table.filter(pl.col("start").is_between(start, end)).sort("start", maintain_order=True)
        if services:
            wanted = inside.filter(pl.col("entity").is_in(list(services)))["trace_id"].unique()
            inside = inside.filter(pl.col("trace_id").is_in(wanted.implode()))
        return [_span(row) for row in inside.head(limit).iter_rows(named=True)]

    def calls(self, *, end: float, lookback: float) -> Sequence[tuple[str, str]]:
        """The calls as the case tells them, whenever they are asked."""
        del end, lookback
        return self.topology


@dataclass(frozen=True, slots=True)
class RecordedChanges:
    """Changes that were recorded."""

    listed: tuple[Change, ...]
    name: str = "changes"

    def between(self, *, start: float, end: float) -> Sequence[Change]:
        """Changes from start to end, both included."""
        return [change for change in self.listed if start <= change.time <= end]


def _metric(expression: str) -> str | None:
    if not (expression.startswith(_PREFIX) and expression.endswith(_SUFFIX)):
        return None
    try:
        name: object = json.loads(expression[len(_PREFIX) : -len(_SUFFIX)])
    except ValueError:
        return None
    return name if isinstance(name, str) else None


def _result(rows: Sequence[Row], *, known: bool) -> QueryResult:
    if rows:
        return QueryResult(answer=Found(rows=len(rows), digest=digest_of(rows)), rows=tuple(rows))
    return QueryResult(answer=Empty() if known else NoData())


def _span(row: Mapping[str, object]) -> Span:
    parent = str(row["parent_id"] or "root")
    start, duration = row["start"], row["duration_ms"]
    return Span(
        trace_id=str(row["trace_id"]),
        span_id=str(row["span_id"]),
        parent_id=None if parent == "root" else parent,
        entity=str(row["entity"]),
        operation=str(row["operation"]),
        kind="",
        start=start if isinstance(start, float) else 0.0,
        duration_ms=duration if isinstance(duration, float) else 0.0,
        error=bool(row.get("error")),
        attributes={},
    )
