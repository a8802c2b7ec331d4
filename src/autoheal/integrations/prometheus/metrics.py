"""Asks a Prometheus, read only and within bounds."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoheal.domain.errors import UnreachableError, WorldError
from autoheal.domain.evidence import Empty, Failed, Found, NoData, Row, digest_of
from autoheal.integrations.http.endpoint import Call, Endpoint, Parameters
from autoheal.integrations.prometheus.answer import Data, data_of, rows_of, series_of
from autoheal.integrations.prometheus.catalog import catalog
from autoheal.integrations.prometheus.expression import refusal, selections
from autoheal.integrations.prometheus.rules import alert_rules
from autoheal.ports.telemetry import AlertRule, QueryResult

_API = "/api/v1"
_LOOKBACK = 300.0
_RECENT = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a query may ask for at most."""

    max_range_seconds: float
    max_points: int
    timeout_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """One query with its window (unix seconds)."""

    expression: str
    path: str
    parameters: Mapping[str, str]
    start: float
    end: float
    subject: str


class PrometheusMetrics:
    """The Metrics port over the HTTP query API (prometheus.io/docs/prometheus/latest/querying/api)."""

    def __init__(self, endpoint: Endpoint, bounds: Bounds, *, entity_labels: Sequence[str]) -> None:
        self.name = endpoint.name
        self._endpoint = endpoint
        self._bounds = bounds
        self._entity_labels = tuple(entity_labels)

    def range(
        self, expression: str, *, start: float, end: float, step: float, subject: str = ""
    ) -> QueryResult:
        """One row per sample; a step too small for the window is widened, a window too long is refused."""
        if not 0 <= end - start <= self._bounds.max_range_seconds:
            longest = self._bounds.max_range_seconds
            return QueryResult(
                answer=Failed(reason=f"refused: a window of {end - start:g} s, allowed are {longest:g} s")
            )
        wide = max(step, (end - start) / (self._bounds.max_points - 1), 0.001)
        parameters = {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{wide:.3f}"}
        return self._answer(
            _Question(
                expression=expression,
                path="/query_range",
                parameters=parameters,
                start=start,
                end=end,
                subject=subject,
            )
        )

    def instant(self, expression: str, *, at: float) -> QueryResult:
        """One row per series."""
        return self._answer(
            _Question(
                expression=expression,
                path="/query",
                parameters={"time": f"{at:.3f}"},
                start=at - _LOOKBACK,
                end=at,
                subject="",
            )
        )

    def catalog(self) -> Mapping[str, str]:
        """Types of the metrics of the last hour; raises UnreachableError."""
        now = time.time()
        names = self._names({"start": f"{now - _RECENT:.3f}", "end": f"{now:.3f}"})
        try:
            metadata = self._get("/metadata", {}).data
        except UnreachableError:
            metadata = None  # not every backend keeps metadata: the names still tell most
        return catalog(names, _types(metadata))

    def alert_rules(self) -> Sequence[AlertRule]:
        """The alerting rules with their state; raises UnreachableError."""
        return list(alert_rules(self._get("/rules", {"type": "alert"}).data))

    def _answer(self, question: _Question) -> QueryResult:
        reason = refusal(question.expression, max_range_seconds=self._bounds.max_range_seconds)
        if reason is not None:
            return QueryResult(answer=Failed(reason=f"refused: {reason}"))
        try:
            return self._ask(question)
        except WorldError as error:
            return QueryResult(answer=Failed(reason=str(error)))

    def _ask(self, question: _Question) -> QueryResult:
        form = {
            "query": question.expression,
            "timeout": f"{self._bounds.timeout_seconds:g}s",
            **question.parameters,
        }
        reply = self._endpoint.send(Call(method="POST", path=_API + question.path, form=form))
        answered = data_of(reply)
        rows, unreadable = self._rows(question, answered)
        delayed = reply.delayed_seconds
        if rows:
            found = Found(rows=len(rows), digest=digest_of(rows))
            return QueryResult(answer=found, rows=rows, delayed_seconds=delayed)
        if answered.warnings:
            raise UnreachableError(f"empty, and only partly answered: {'; '.join(answered.warnings)}")
        # Values that are all NaN were measured, but say nothing: 0/0 is not 0.
        known = not unreadable and self._known(question)
        return QueryResult(answer=Empty() if known else NoData(), delayed_seconds=delayed)

    def _rows(self, question: _Question, answered: Data) -> tuple[tuple[Row, ...], bool]:
        """The rows, and whether some values were left out because they are no numbers."""
        series = series_of(answered.data)
        named = [selection.metric for selection in selections(question.expression)]
        first = next(filter(None, named), "")
        rows = tuple(
            row
            for one in series
            for row in rows_of(
                one, self._entity_labels, question.subject or one.labels.get("__name__") or first
            )
        )
        return rows, any(one.dropped for one in series)

    def _known(self, question: _Question) -> bool:
        """Whether any series exists, around the window, of what the expression selects."""
        window = {"start": f"{question.start:.3f}", "end": f"{question.end:.3f}"}
        selected = selections(question.expression)
        named = {selection.metric for selection in selected if selection.metric}
        if named and not named.isdisjoint(self._names(window)):
            return True
        nameless = [s.matchers for s in selected if not s.metric]
        return bool(nameless) and bool(self._names({**window, "match[]": nameless}))

    def _names(self, query: Parameters) -> list[str]:
        data = self._get("/label/__name__/values", query).data
        return [str(name) for name in data] if isinstance(data, list) else []

    def _get(self, path: str, query: Parameters) -> Data:
        return data_of(self._endpoint.send(Call(method="GET", path=_API + path, query=query)))


def _types(metadata: object) -> dict[str, str]:
    """Metric to type; where the targets disagree the first one counts."""
    if not isinstance(metadata, dict):
        return {}
    listed = ((str(name), told) for name, told in metadata.items() if isinstance(told, list) and told)
    return {name: str(told[0].get("type", "")) for name, told in listed if isinstance(told[0], dict)}
