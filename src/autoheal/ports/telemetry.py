"""What we observe: metrics, logs, traces and changes, read only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from autoheal.domain.alert import Alert
from autoheal.domain.change import Change
from autoheal.domain.evidence import Answer, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResult:
    """What a source gave: the answer's kind and its rows."""

    answer: Answer
    rows: tuple[Row, ...] = ()
    delayed_seconds: float = 0.0


class Metrics(Protocol):
    """A metrics backend that speaks PromQL."""

    @property
    def name(self) -> str:
        """The name under which evidence cites it."""
        ...

    def range(
        self, expression: str, *, start: float, end: float, step: float, subject: str = ""
    ) -> QueryResult:
        """One row per sample; entity is the row's service, subject the metric (or the given subject)."""
        ...

    def instant(self, expression: str, *, at: float) -> QueryResult:
        """One row per series."""
        ...

    def catalog(self) -> Mapping[str, str]:
        """Metric names with their type: counter, gauge, histogram or summary."""
        ...

    def alert_rules(self) -> Sequence[AlertRule]:
        """The alerting rules with their state."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """One alerting rule as the metrics backend runs it; state is inactive, pending or firing."""

    name: str
    expression: str
    for_seconds: float
    state: str
    labels: Mapping[str, str]
    file: str = ""


class Logs(Protocol):
    """A log backend."""

    @property
    def name(self) -> str:
        """The name under which evidence cites it."""
        ...

    def lines(self, *, services: Sequence[str], start: float, end: float, limit: int) -> QueryResult:
        """One row per line: entity the service, subject the trace id, text the message, value 1."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span; times in unix seconds, duration in milliseconds; parent is None at the root."""

    trace_id: str
    span_id: str
    parent_id: str | None
    entity: str
    operation: str
    kind: str
    start: float
    duration_ms: float
    error: bool
    attributes: Mapping[str, str]


class Traces(Protocol):
    """A trace backend."""

    @property
    def name(self) -> str:
        """The name under which evidence cites it."""
        ...

    def spans(self, *, services: Sequence[str], start: float, end: float, limit: int) -> Sequence[Span]:
        """Spans of the services; raises UnreachableError."""
        ...

    def calls(self, *, end: float, lookback: float) -> Sequence[tuple[str, str]]:
        """Observed (caller, callee) pairs; raises UnreachableError."""
        ...


class Changes(Protocol):
    """Where deploys, commits, configuration and flags are known."""

    @property
    def name(self) -> str:
        """The name under which evidence cites it."""
        ...

    def between(self, *, start: float, end: float) -> Sequence[Change]:
        """Changes in time order, commits with their diffs; raises UnreachableError."""
        ...


class AlertDecoder(Protocol):
    """Reads one vendor's payload: bytes in, alerts out, with no network, clock or database."""

    @property
    def source(self) -> str:
        """The name in the webhook's address."""
        ...

    def decode(self, body: bytes, *, event_id: str, received_at: datetime) -> Sequence[Alert]:
        """The alerts of one delivery; raises MalformedError naming the field."""
        ...
