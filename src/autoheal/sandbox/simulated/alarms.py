"""The alert rules of a simulated production, and what its Alertmanager sends when they fire or stop."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from autoheal.integrations.memory.metrics import MemoryMetrics
from autoheal.ports.telemetry import AlertRule
from autoheal.sandbox.simulated.kinds import Signal

HOLD_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A signal with its threshold, the PromQL that says the same (`{}` takes a matcher), and a severity."""

    name: str
    signal: Signal
    threshold: float
    expression: str
    severity: str = "warning"
    falls: bool = False

    def fires(self, level: float) -> bool:
        """Whether the level alone would fire it."""
        return level < self.threshold if self.falls else level > self.threshold


def _gauge(name: str, signal: Signal, threshold: float) -> Rule:
    text = f"max by (service) ({signal.value}{{}}) > {threshold:g}"
    return Rule(name=name, signal=signal, threshold=threshold, expression=text)


RULES = (
    Rule(
        name="HighErrorRate",
        signal=Signal.ERRORS,
        threshold=0.05,
        severity="critical",
        expression='sum by (service) (rate(http_requests_total{status="500"}[60s]))'
        " / sum by (service) (rate(http_requests_total{}[60s])) > 0.05",
    ),
    Rule(
        name="HighLatency",
        signal=Signal.LATENCY,
        threshold=0.6,
        severity="critical",
        expression="sum by (service) (rate(http_request_duration_seconds_sum{}[60s]))"
        " / sum by (service) (rate(http_request_duration_seconds_count{}[60s])) > 0.6",
    ),
    Rule(
        name="ServiceDown",
        signal=Signal.UP,
        threshold=0.5,
        severity="critical",
        expression="min by (service) (up{}) < 0.5",
        falls=True,
    ),
    _gauge("CpuSaturated", Signal.CPU, 0.9),
    _gauge("PoolExhausted", Signal.POOL, 0.9),
    _gauge("MemoryHigh", Signal.MEMORY, 1.5e9),
    _gauge("QueueBacklog", Signal.QUEUE, 500),
    _gauge("DiskAlmostFull", Signal.DISK, 90),
    _gauge("ConsumerLag", Signal.LAG, 5_000),
    _gauge("ReplicaBehind", Signal.REPLICA, 30),
)
PROBE = "SyntheticProbeFailed"
"""An alert of another monitor, which can be wrong: no rule of ours stands behind it."""


@dataclass(slots=True, kw_only=True)
class Alarms:
    """Rules with their state; `named` services have rules that carry their name, the others generic ones."""

    environment: str
    named: frozenset[str]
    pod: str
    probe: tuple[str, float, float] | None = None
    """A false alarm: service, from when, until when (unix seconds)."""
    _since: dict[tuple[str, str], float] = field(default_factory=dict)
    _firing: dict[tuple[str, str], float] = field(default_factory=dict)

    def rules(self) -> list[AlertRule]:
        """Every rule as the metrics backend lists it."""
        generic = [_listed(rule, rule.name, "") for rule in RULES]
        named = [
            _listed(rule, _title(name) + rule.name, name) for name in sorted(self.named) for rule in RULES
        ]
        return [*generic, *named]

    def look(
        self, at: float, levels: Mapping[str, Mapping[Signal, float]], metrics: MemoryMetrics
    ) -> bytes | None:
        """What is sent at this moment: alerts that began or ended; None when nothing did."""
        wanted = {
            (rule.name, name) for name in levels for rule in RULES if rule.fires(levels[name][rule.signal])
        }
        if self.probe is not None and self.probe[1] <= at < self.probe[2]:
            wanted.add((PROBE, self.probe[0]))
        self._since = {key: self._since.get(key, at) for key in wanted}
        holding = {key for key, since in self._since.items() if at - since >= HOLD_SECONDS}
        begun, over = holding - set(self._firing), set(self._firing) - holding
        sent = [self._alert(key, at, None) for key in sorted(begun)]
        sent += [self._alert(key, self._firing[key], at) for key in sorted(over)]
        self._firing = {key: self._firing.get(key, at) for key in holding}
        self._show(at, over, metrics)
        return json.dumps({"version": "4", "status": "firing", "alerts": sent}).encode() if sent else None

    @property
    def quiet(self) -> bool:
        """Whether nothing fires."""
        return not self._firing

    def _show(self, at: float, over: set[tuple[str, str]], metrics: MemoryMetrics) -> None:
        for key in (*self._firing, *over):
            labels = {**self._labels(key), "alertstate": "firing"}
            metrics.add("ALERTS", labels, [(at, math.nan if key in over else 1.0)])

    def _labels(self, key: tuple[str, str]) -> dict[str, str]:
        rule, service = key
        name = _title(service) + rule if service in self.named and rule != PROBE else rule
        severity = next((r.severity for r in RULES if r.name == rule), "warning")
        return {"alertname": name, "service": service, "severity": severity, "environment": self.environment}

    def _alert(self, key: tuple[str, str], begun: float, over: float | None) -> dict[str, object]:
        return {
            "status": "firing" if over is None else "resolved",
            "labels": {**self._labels(key), "pod": f"{key[1]}-{self.pod}"},
            "annotations": {"summary": f"{key[0]} on {key[1]}"},
            "startsAt": _moment(begun),
            "endsAt": _moment(over) if over is not None else "0001-01-01T00:00:00Z",
            "generatorURL": "",
            "fingerprint": "",
        }


def _listed(rule: Rule, name: str, service: str) -> AlertRule:
    matcher = f'service="{service}"' if service else ""
    text = rule.expression.replace("{}", f"{{{matcher}}}" if matcher else "")
    if matcher:
        text = text.replace('{status="500"}', f'{{status="500",{matcher}}}')
    labels = {"severity": rule.severity}
    return AlertRule(name=name, expression=text, for_seconds=HOLD_SECONDS, state="inactive", labels=labels)


def _title(service: str) -> str:
    return service[:1].upper() + service[1:]


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat().replace("+00:00", "Z")
