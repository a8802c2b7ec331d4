"""Scripted time series in memory, asked in PromQL."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from autoheal.domain.errors import UnreachableError
from autoheal.domain.evidence import Empty, Failed, Found, NoData, Row, digest_of
from autoheal.integrations.memory.evaluation import Chosen, Sample, Series, Value, evaluate, without_name
from autoheal.integrations.memory.promql import Node, parse, selectors
from autoheal.ports.telemetry import AlertRule, QueryResult

_ENTITY_LABELS = ("service", "service_name", "app", "job", "instance")


class MemoryMetrics:
    """Series that a test scripts; set `broken` and every question fails."""

    def __init__(
        self,
        *,
        name: str = "metrics",
        rules: Iterable[AlertRule] = (),
        entity_labels: Sequence[str] = _ENTITY_LABELS,
    ) -> None:
        self.name = name
        self.broken: str | None = None
        self.asked: list[str] = []
        self.rules = list(rules)
        self._entity_labels = tuple(entity_labels)
        self._types: dict[str, str] = {}
        self._series: dict[frozenset[tuple[str, str]], list[tuple[float, float]]] = {}

    def add(
        self,
        metric: str,
        labels: Mapping[str, str],
        samples: Iterable[tuple[float, float]],
        *,
        kind: str = "gauge",
    ) -> None:
        """Samples (unix seconds, value) of one series; kind is the metric's type in the catalog."""
        self._types[_family(metric) if kind in ("histogram", "summary") else metric] = kind
        key = frozenset({**labels, "__name__": metric}.items())
        self._series[key] = sorted([*self._series.get(key, []), *samples])

    def range(
        self, expression: str, *, start: float, end: float, step: float, subject: str = ""
    ) -> QueryResult:
        """The expression at each step from start to end."""
        times = [start + step * index for index in range(math.floor((end - start) / step) + 1)]
        return self._answer(expression, times, subject)

    def instant(self, expression: str, *, at: float) -> QueryResult:
        """The expression at one instant."""
        return self._answer(expression, [at], "")

    def catalog(self) -> Mapping[str, str]:
        """The scripted metrics with their types."""
        return dict(self._types)

    def alert_rules(self) -> Sequence[AlertRule]:
        """The rules that the test gave."""
        if self.broken is not None:
            raise UnreachableError(f"metrics: {self.broken}")
        return list(self.rules)

    def _answer(self, expression: str, times: Sequence[float], subject: str) -> QueryResult:
        self.asked.append(expression)
        if self.broken is not None:
            return QueryResult(answer=Failed(reason=self.broken))
        try:
            tree = parse(expression)
            found = self._evaluated(tree, times)
        except ValueError as error:
            return QueryResult(answer=Failed(reason=f"bad_data: {error}"))
        rows = tuple(self._rows(tree, found, subject))
        if rows:
            return QueryResult(answer=Found(rows=len(rows), digest=digest_of(rows)), rows=rows)
        # Values that are all NaN were measured, but say nothing: 0/0 is not 0.
        known = not found and self._known(tree, times[-1])
        return QueryResult(answer=Empty() if known else NoData())

    def _evaluated(self, tree: Node, times: Sequence[float]) -> list[tuple[float, Sample]]:
        series = [Series(labels=dict(key), samples=samples) for key, samples in self._series.items()]
        chosen: Chosen = {}
        found = [(at, s) for at in times for s in _samples(evaluate(tree, series, at, chosen), at)]
        order = {labels: sorted(labels) for labels in {sample.labels for _, sample in found}}
        return sorted(found, key=lambda pair: order[pair[1].labels])

    def _rows(self, tree: Node, found: Iterable[tuple[float, Sample]], subject: str) -> Iterable[Row]:
        first = next(iter(_metrics(tree)), "")
        for at, sample in found:
            labels = dict(sample.labels)
            entity, label = self._entity(labels)
            text = ",".join(f'{k}="{v}"' for k, v in sorted(without_name(sample.labels)) if k != label)
            name = subject or labels.get("__name__") or first
            if math.isfinite(sample.value):
                yield Row(time=at, entity=entity, subject=name, value=float(sample.value), text=text)

    def _entity(self, labels: Mapping[str, str]) -> tuple[str, str]:
        label = next((name for name in self._entity_labels if labels.get(name)), "")
        return labels.get(label, ""), label

    def _known(self, tree: Node, until: float) -> bool:
        """Whether any series of the metrics that are named existed by then."""
        names = set(_metrics(tree))
        for key, samples in self._series.items():
            if dict(key)["__name__"] in names and samples and samples[0][0] <= until:
                return True
        return False


def _samples(value: Value, at: float) -> list[Sample]:
    return value if isinstance(value, list) else [Sample(labels=frozenset(), value=value, time=at)]


def _metrics(tree: Node) -> list[str]:
    named = (m for selector in selectors(tree) for m in selector.matchers)
    return [m.value for m in named if m.label == "__name__" and m.operator == "="]


def _family(metric: str) -> str:
    for suffix in ("_bucket", "_sum", "_count"):
        metric = metric.removesuffix(suffix)
    return metric
