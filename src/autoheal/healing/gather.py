"""The only way a stage may look at production: every answer is made fit to keep, stored and paid for."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from autoheal.domain.change import Change
from autoheal.domain.errors import WorldError
from autoheal.domain.evidence import Empty, Evidence, Failed, Found, Row, digest_of
from autoheal.domain.ledger import LedgerEntry
from autoheal.healing.changes import change_row
from autoheal.healing.fit import fit_change, fit_rows, fit_span
from autoheal.policy.untrusted import fit
from autoheal.ports.machine import Clock, Ids
from autoheal.ports.stores import IncidentStore
from autoheal.ports.telemetry import Changes, Logs, Metrics, QueryResult, Span, Traces

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where production can be observed; a source that is not configured is None or missing."""

    metrics: Metrics
    logs: Logs | None = None
    traces: Traces | None = None
    changes: tuple[Changes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The stored evidence with what came back, typed where the source is."""

    evidence: Evidence
    rows: tuple[Row, ...] = ()
    spans: tuple[Span, ...] = ()
    changes: tuple[Change, ...] = ()
    calls: tuple[tuple[str, str], ...] = ()

    @property
    def failed(self) -> str | None:
        """Why the source gave nothing, or None when it answered."""
        return self.evidence.answer.reason if isinstance(self.evidence.answer, Failed) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gatherer:
    """Asks the sources on behalf of one stage of one incident; times are unix seconds."""

    sources: Sources
    incidents: IncidentStore
    clock: Clock
    ids: Ids
    incident_id: str = ""
    stage: str = ""

    def for_stage(self, incident_id: str, stage: str) -> Gatherer:
        """The same sources, asked by another stage or incident."""
        return replace(self, incident_id=incident_id, stage=stage)

    def together(self, questions: Sequence[Callable[[], T]], *, at_once: int = 8) -> list[T]:
        """Ask independent questions in parallel; answers keep the order of the questions."""
        with ThreadPoolExecutor(max_workers=at_once) as pool:
            return [answer.result() for answer in [pool.submit(question) for question in questions]]

    def range(self, expression: str, *, start: float, end: float, step: float, subject: str = "") -> Gathered:
        """A PromQL range query."""
        metrics = self.sources.metrics

        def ask() -> QueryResult:
            return _fit(metrics.range(expression, start=start, end=end, step=step, subject=subject))

        return self._ask(metrics.name, expression, (start, end), ask)

    def instant(self, expression: str, *, at: float) -> Gathered:
        """A PromQL instant query."""
        metrics = self.sources.metrics
        return self._ask(metrics.name, expression, (at, at), lambda: _fit(metrics.instant(expression, at=at)))

    def lines(self, *, services: Sequence[str], start: float, end: float, limit: int) -> Gathered | None:
        """Log lines; None without a log backend."""
        logs = self.sources.logs
        if logs is None:
            return None

        def ask() -> QueryResult:
            return _fit(logs.lines(services=services, start=start, end=end, limit=limit))

        return self._ask(logs.name, f"lines of {', '.join(services)}", (start, end), ask)

    def spans(self, *, services: Sequence[str], start: float, end: float, limit: int) -> Gathered | None:
        """Spans; None without a trace backend."""
        traces = self.sources.traces
        if traces is None:
            return None
        spans: list[Span] = []

        def ask() -> QueryResult:
            found = traces.spans(services=services, start=start, end=end, limit=limit)
            spans.extend(fit_span(span) for span in found)
            return _result([_span_row(span) for span in spans])

        found = self._ask(traces.name, f"spans of {', '.join(services)}", (start, end), ask)
        return replace(found, spans=tuple(spans))

    def calls(self, *, end: float, lookback: float) -> Gathered | None:
        """Observed calls between services; None without a trace backend."""
        traces = self.sources.traces
        if traces is None:
            return None
        calls: list[tuple[str, str]] = []

        def ask() -> QueryResult:
            calls.extend(traces.calls(end=end, lookback=lookback))
            return _result([Row(time=end, entity=a, subject=b, value=1.0) for a, b in calls])

        found = self._ask(traces.name, "service dependencies", (end - lookback, end), ask)
        return replace(found, calls=tuple(calls))

    def changes(self, *, start: float, end: float) -> list[Gathered]:
        """Changes of every configured source, each as its own evidence."""
        return [self._changes_of(source, start, end) for source in self.sources.changes]

    def told(self, source: str, expression: str, ask: Callable[[], str]) -> Gathered:
        """What anything else tells, one row for each line; no word is Empty, a WorldError is Failed."""
        at = self.clock.now().timestamp()

        def asked() -> QueryResult:
            lines = ask().splitlines()
            return _result(
                [Row(time=at, entity=source, subject=expression, value=1.0, text=fit(line)) for line in lines]
            )

        return self._ask(source, expression, (at, at), asked)

    def _changes_of(self, source: Changes, start: float, end: float) -> Gathered:
        changes: list[Change] = []

        def ask() -> QueryResult:
            changes.extend(fit_change(change) for change in source.between(start=start, end=end))
            return _result([change_row(change) for change in changes])

        found = self._ask(source.name, "changes", (start, end), ask)
        return replace(found, changes=tuple(changes))

    def _ask(
        self, source: str, expression: str, window: tuple[float, float], ask: Callable[[], QueryResult]
    ) -> Gathered:
        asked_at = self.clock.now()
        try:
            result = ask()
        except WorldError as error:
            result = QueryResult(answer=Failed(reason=fit(str(error))))
        seconds = (self.clock.now() - asked_at).total_seconds()
        answer = result.answer
        if isinstance(answer, Found):
            answer = Found(rows=len(result.rows), digest=digest_of(result.rows))
        evidence = Evidence(
            id=self.ids.new("ev"),
            incident_id=self.incident_id,
            stage=self.stage,
            source=source,
            expression=expression,
            start=_moment(window[0]),
            end=_moment(window[1]),
            asked_at=asked_at,
            seconds=seconds,
            answer=answer,
            delayed_seconds=result.delayed_seconds,
        )
        self._store(evidence, result.rows)
        return Gathered(evidence=evidence, rows=result.rows)

    def _store(self, evidence: Evidence, rows: tuple[Row, ...]) -> None:
        self.incidents.add_evidence(evidence, rows)
        cost = LedgerEntry(
            incident_id=self.incident_id,
            stage=self.stage,
            backend=evidence.source,
            at=evidence.asked_at,
            queries=1,
            wall_seconds=evidence.seconds,
        )
        self.incidents.add_costs([cost])


def _fit(result: QueryResult) -> QueryResult:
    return replace(result, rows=fit_rows(result.rows))


def _result(rows: list[Row]) -> QueryResult:
    if not rows:
        return QueryResult(answer=Empty())
    return QueryResult(answer=Found(rows=len(rows), digest=digest_of(rows)), rows=tuple(rows))


def _span_row(span: Span) -> Row:
    ids = json.dumps(
        {
            "trace": span.trace_id,
            "span": span.span_id,
            "parent": span.parent_id,
            "error": span.error,
            "attributes": dict(span.attributes),
        },
        ensure_ascii=False,
    )
    return Row(time=span.start, entity=span.entity, subject=span.operation, value=span.duration_ms, text=ids)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
