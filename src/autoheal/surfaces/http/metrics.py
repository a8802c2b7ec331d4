"""Our own figures for Prometheus, computed from what is stored; label sets are closed."""

from __future__ import annotations

import platform
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from autoheal.app import App
from autoheal.domain.incident import Incident
from autoheal.domain.ledger import LedgerEntry
from autoheal.domain.mitigation import MOVES, MitigationState
from autoheal.reports.history import History

BUCKETS = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
_ENDED = frozenset(state for state in MitigationState if not any(begin is state for begin, _ in MOVES))
_TOKENS = ("input", "cached", "output", "reasoning")


@dataclass(slots=True)
class WebhookCounts:
    """Deliveries by source and outcome since this process began."""

    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, source: str, outcome: str) -> None:
        """Count one; a source must be a known one, or `unknown`."""
        with self._lock:
            self._counts[source, outcome] += 1

    def all(self) -> dict[tuple[str, str], int]:
        """What was counted so far."""
        with self._lock:
            return dict(self._counts)


def exposition(app: App, webhooks: WebhookCounts) -> bytes:
    """The Prometheus text format."""
    registry = CollectorRegistry()
    registry.register(_Figures(app, webhooks))
    return generate_latest(registry)


@dataclass(frozen=True, slots=True, eq=False)  # the registry holds it by identity
class _Figures(Collector):
    app: App
    webhooks: WebhookCounts

    def collect(self) -> Iterator[Metric]:
        history = self.app.history()
        yield _gauge(
            "build_info",
            "what runs",
            [((version("autoheal"), platform.python_version()), 1.0)],
            ("version", "python"),
        )
        yield _counter("webhooks_received", "deliveries", self.webhooks.all().items(), ("source", "outcome"))
        yield from _incidents(history.incidents)
        yield from _actions(history)
        yield from _costs(history.costs)
        yield from _knowledge(history, self.app)
        killed = 0.0 if self.app.killed() is None else 1.0
        yield _gauge("kill_switch_engaged", "1 while nothing may act", [((), killed)], ())


def _incidents(incidents: Sequence[Incident]) -> Iterator[Metric]:
    by_severity = Counter((str(i.severity),) for i in incidents)
    yield _counter("incidents", "incidents opened", by_severity.items(), ("severity",))
    yield _gauge(
        "incidents_open", "incidents not settled", [((), float(sum(not i.settled for i in incidents)))], ()
    )
    diagnosed = _spans((i.opened_at, i.diagnosed_at) for i in incidents)
    yield _histogram("investigation_duration_seconds", "from opening to a cause", diagnosed)
    mitigated = _spans((i.opened_at, i.mitigated_at) for i in incidents)
    yield _histogram("time_to_mitigation_seconds", "from opening to mitigation", mitigated)


def _actions(history: History) -> Iterator[Metric]:
    ended = [m for m in history.mitigations if m.state in _ENDED]
    acts = Counter((str(m.action.kind), str(m.tier), str(m.state)) for m in ended)
    yield _counter(
        "actions", "mitigations that came to their end", acts.items(), ("action", "risk", "outcome")
    )
    judged = Counter((str(v.result),) for v in history.verifications)
    yield _counter("verifications", "judgments", judged.items(), ("result",))


def _costs(costs: Sequence[LedgerEntry]) -> Iterator[Metric]:
    queries: Counter[tuple[str, str]] = Counter()
    tokens: Counter[tuple[str, str]] = Counter()
    dollars: defaultdict[tuple[str, str], float] = defaultdict(float)
    for entry in costs:
        queries[entry.backend, entry.stage] += entry.queries
        if entry.tokens_input or entry.tokens_output:
            for kind in _TOKENS:
                tokens[entry.backend, kind] += _tokens(entry, kind)
            dollars[entry.backend, entry.stage] += entry.dollars
    yield _counter("tool_calls", "queries to telemetry", queries.items(), ("tool", "phase"))
    yield _counter("llm_tokens", "model tokens", tokens.items(), ("model", "type"))
    yield _counter("llm_cost_usd", "model cost", dollars.items(), ("model", "phase"))


def _tokens(entry: LedgerEntry, kind: str) -> int:
    counts = (entry.tokens_input, entry.tokens_cached, entry.tokens_output, entry.tokens_reasoning)
    return counts[_TOKENS.index(kind)]


def _knowledge(history: History, app: App) -> Iterator[Metric]:
    lessons = Counter((str(p.kind), str(p.state)) for p in history.proposals)
    yield _gauge("learning_artifacts", "lessons by state", lessons.items(), ("kind", "state"))
    nodes = Counter((str(node.kind),) for node in app.graph().nodes())
    yield _gauge("graph_nodes", "nodes of the graph", nodes.items(), ("kind",))
    edges = Counter((str(fact.relation),) for fact in history.facts if fact.retracted_at is None)
    yield _gauge("graph_edges", "facts believed now", edges.items(), ("rel",))


def _spans(pairs: Iterable[tuple[datetime, datetime | None]]) -> list[float]:
    return [max((end - start).total_seconds(), 0.0) for start, end in pairs if end is not None]


def _gauge(
    name: str, text: str, values: Iterable[tuple[tuple[str, ...], float]], labels: tuple[str, ...]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"autoheal_{name}", text, labels=labels)
    for key, value in sorted(values):
        family.add_metric(key, value)
    return family


def _counter(
    name: str, text: str, values: Iterable[tuple[tuple[str, ...], float]], labels: tuple[str, ...]
) -> CounterMetricFamily:
    family = CounterMetricFamily(f"autoheal_{name}", text, labels=labels)
    for key, value in sorted(values):
        family.add_metric(key, value)
    return family


def _histogram(name: str, text: str, values: Sequence[float]) -> HistogramMetricFamily:
    family = HistogramMetricFamily(f"autoheal_{name}", text)
    counts = [(str(limit), float(sum(v <= limit for v in values))) for limit in BUCKETS]
    family.add_metric([], [*counts, ("+Inf", float(len(values)))], sum(values))
    return family
