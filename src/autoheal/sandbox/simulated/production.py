"""One simulated production: its metrics, logs, spans, changes and alerts, as far as its clock has come."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.evidence import Row
from autoheal.domain.mitigation import ActionKind
from autoheal.integrations.memory.actuator import Effect, MemoryActuator
from autoheal.integrations.memory.changes import MemoryChanges
from autoheal.integrations.memory.logs import MemoryLogs
from autoheal.integrations.memory.machine import MemoryClock
from autoheal.integrations.memory.metrics import MemoryMetrics
from autoheal.integrations.memory.traces import MemoryTraces
from autoheal.ports.production import TargetState
from autoheal.ports.telemetry import Span
from autoheal.sandbox.simulated.alarms import Alarms
from autoheal.sandbox.simulated.fleet import Fleet
from autoheal.sandbox.simulated.kinds import Kind, Signal

SCRAPE_SECONDS = 10.0
HISTORY_SECONDS = 1_100.0
_RAMP_SECONDS = 20.0

_USUAL: Mapping[Signal, tuple[float, float]] = MappingProxyType(
    {
        Signal.ERRORS: (0.004, 0.003),
        Signal.LATENCY: (0.12, 0.015),
        Signal.TRAFFIC: (60.0, 4.0),
        Signal.UP: (1.0, 0.0),
        Signal.CPU: (0.35, 0.03),
        Signal.MEMORY: (6e8, 1.5e7),
        Signal.POOL: (0.3, 0.03),
        Signal.QUEUE: (12.0, 4.0),
        Signal.DISK: (55.0, 0.2),
        Signal.GC: (0.02, 0.005),
        Signal.FILES: (0.2, 0.01),
        Signal.LOCKS: (0.01, 0.004),
        Signal.CACHE: (0.1, 0.01),
        Signal.DNS: (0.004, 0.001),
        Signal.LAG: (40.0, 10.0),
        Signal.TLS: (0.02, 0.004),
        Signal.REPLICA: (0.3, 0.1),
        Signal.THREADS: (0.25, 0.03),
    }
)
"""Level and spread of each signal on a quiet day."""
_COUNTED = frozenset({Signal.ERRORS, Signal.LATENCY, Signal.TRAFFIC})
_WORDS = ("amber", "birch", "cobalt", "dahlia", "ember", "fjord", "garnet", "heron", "indigo", "juniper")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A kind of failure at a service, from a moment on; severity scales how far signals move."""

    kind: Kind
    service: str
    begins: float
    severity: float
    change: Change | None = None


@dataclass(slots=True, kw_only=True)
class Production:
    """A fleet under its own clock; alerts are handed to `deliver` as Alertmanager would send them."""

    fleet: Fleet
    clock: MemoryClock
    dice: random.Random
    deliver: Callable[[bytes], None]
    alarms: Alarms
    metrics: MemoryMetrics = field(init=False)
    logs: MemoryLogs = field(default_factory=MemoryLogs)
    traces: MemoryTraces = field(default_factory=MemoryTraces)
    changes: MemoryChanges = field(default_factory=MemoryChanges)
    actuator: MemoryActuator = field(default_factory=MemoryActuator)
    fault: Fault | None = None
    ended_at: float = math.inf
    _scraped: float = 0.0
    _counters: dict[tuple[str, str], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.metrics = MemoryMetrics(rules=self.alarms.rules())
        self.actuator.on_effect = self._acted
        for service in self.fleet.services:
            self.actuator.add(_state(service, "r1", None), configurations={1: {"limit": 40}, 2: {"limit": 4}})
        now = self.clock.now().timestamp()
        self._scraped = now - HISTORY_SECONDS
        self._scrape_until(now)

    @property
    def now(self) -> float:
        """Unix seconds on the production's clock."""
        return self.clock.now().timestamp()

    def strike(self, fault: Fault) -> None:
        """Something breaks; a change that brings it is made first, and is logged."""
        self.fault = fault
        if fault.kind.lasts:
            self.ended_at = fault.begins + fault.kind.lasts
        if fault.change is not None:
            self.make(fault.change)

    def make(self, change: Change) -> None:
        """Somebody changes something: it is logged, and the target's state shows it."""
        self.changes.add(change)
        if change.kind is ChangeKind.DEPLOY:
            self.actuator.add(_state(change.entity, change.commit, "r1"), releases=("r1",))
        elif change.kind is ChangeKind.CONFIG:
            self.actuator.change(
                change.entity, config={"limit": 4}, config_version=2, previous_config_version=1
            )
        elif change.kind is ChangeKind.FLAG:
            self.actuator.change(change.entity, flags={change.key: True})

    def mend(self) -> None:
        """The fault is over from now on."""
        self.ended_at = min(self.ended_at, self.now)

    def advance(self, until: float) -> None:
        """Let time pass: what is scraped, written and alarmed until then comes in order."""
        while self._scraped + SCRAPE_SECONDS <= until:
            at = self._scraped + SCRAPE_SECONDS
            self.clock.at = datetime.fromtimestamp(at, tz=UTC)
            self._scrape_until(at)
            sent = self.alarms.look(at, self.levels(at), self.metrics)
            if sent is not None:
                self.deliver(sent)
        self.clock.at = datetime.fromtimestamp(max(until, self.now), tz=UTC)

    def levels(self, at: float) -> dict[str, dict[Signal, float]]:
        """Where each signal of each service stands, without the spread: callers suffer with their callees."""
        found = {name: {s: level for s, (level, _) in _USUAL.items()} for name in self.fleet.services}
        fault, strength = self.fault, self._strength(at)
        if fault is None or not strength:
            return found
        for signal, peak in fault.kind.effects.items():
            usual = _USUAL[signal][0]
            found[fault.service][signal] = usual + (peak - usual) * strength * _scaled(signal, fault.severity)
        for caller in reversed(self.fleet.services):
            self._suffer(caller, found)
        return found

    def _suffer(self, caller: str, found: dict[str, dict[Signal, float]]) -> None:
        for callee in self.fleet.callees(caller):
            below, mine = found[callee], found[caller]
            dead = 1.0 - below[Signal.UP]
            passed = max(below[Signal.ERRORS] - 0.01, 0.0) * 0.8 if not dead else 0.5 * dead
            mine[Signal.ERRORS] = max(mine[Signal.ERRORS], passed)
            mine[Signal.LATENCY] += max(below[Signal.LATENCY] - 0.2, 0.0)

    def _strength(self, at: float) -> float:
        if self.fault is None or at < self.fault.begins:
            return 0.0
        rising = min((at - self.fault.begins) / _RAMP_SECONDS + 0.2, 1.0)
        falling = 1.0 - min(max(at - self.ended_at, 0.0) / _RAMP_SECONDS, 1.0)
        return min(rising, falling)

    def _acted(self, effect: Effect) -> None:
        """An action mends the fault when it is the cure, at the place of the fault."""
        fault, action = self.fault, effect.action
        cures = fault is not None and (action.kind, action.target) == (fault.kind.cure, fault.service)
        if cures:
            self.mend()
        kind = {ActionKind.ROLLBACK: ChangeKind.DEPLOY, ActionKind.RESTORE_CONFIG: ChangeKind.CONFIG}
        made = Change(
            id=f"act-{effect.key[-12:]}-{self.now:.0f}",
            kind=kind.get(action.kind, ChangeKind.RESTART),
            entity=action.target,
            time=self.now,
            author="autoheal",
            title=str(action),
        )
        self.changes.add(made)

    def _scrape_until(self, until: float) -> None:
        samples: dict[tuple[str, str, str], list[tuple[float, float]]] = {}
        while self._scraped + SCRAPE_SECONDS <= until + 1e-6:
            self._scraped += SCRAPE_SECONDS
            levels = self.levels(self._scraped)
            for service, signals in levels.items():
                for key, value in self._sampled(service, signals):
                    samples.setdefault(key, []).append((self._scraped, value))
            self._write(self._scraped, levels)
            self._trace(self._scraped, levels)
        for (metric, service, status), points in samples.items():
            labels = {"service": service, "pod": f"{service}-{self.alarms.pod}"}
            kind = _KINDS.get(metric, "gauge")
            self.metrics.add(metric, labels | ({"status": status} if status else {}), points, kind=kind)

    def _sampled(
        self, service: str, signals: Mapping[Signal, float]
    ) -> Iterator[tuple[tuple[str, str, str], float]]:
        noisy = {s: max(self.dice.gauss(level, _USUAL[s][1]), 0.0) for s, level in signals.items()}
        for signal, value in noisy.items():
            if signal not in _COUNTED:
                yield (signal.value, service, ""), round(value, 6)
        served = noisy[Signal.TRAFFIC] * SCRAPE_SECONDS
        failed = served * min(noisy[Signal.ERRORS], 1.0)
        grown = {
            ("http_requests_total", "200"): served - failed,
            ("http_requests_total", "500"): failed,
            ("http_request_duration_seconds_sum", ""): served * noisy[Signal.LATENCY],
            ("http_request_duration_seconds_count", ""): served,
        }
        for (metric, status), growth in grown.items():
            key = (f"{metric}{status}", service)
            self._counters[key] = self._counters.get(key, 0.0) + growth
            yield (metric, service, status), round(self._counters[key], 4)

    def _write(self, at: float, levels: Mapping[str, Mapping[Signal, float]]) -> None:
        lines = [
            Row(time=at + self.dice.random(), entity=name, subject="", value=1.0, text=self._fill(_ROUTINE))
            for name in levels
            if levels[name][Signal.UP] >= 0.5  # noqa: PLR2004  half dead writes nothing
        ]
        fault, strength = self.fault, self._strength(at)
        if fault is not None and fault.kind.line and self.dice.random() < strength:
            text = f"ERROR {self._fill(fault.kind.line)}"
            lines += [
                Row(time=at + self.dice.random(), entity=fault.service, subject="", value=1.0, text=text)
                for _ in range(3)
            ]
        self.logs.add(*lines)

    def _fill(self, line: str) -> str:
        return line.format(
            word=self.dice.choice(_WORDS),
            number=self.dice.randrange(10, 9_000),
            hex=f"{self.dice.getrandbits(64):016x}",
        )

    def _trace(self, at: float, levels: Mapping[str, Mapping[Signal, float]]) -> None:
        trace_id = f"{self.dice.getrandbits(64):016x}"
        spans: list[Span] = []
        self._span(trace_id, self.fleet.entry, None, (at, levels), spans)
        self.traces.add(*spans)

    def _span(
        self,
        trace_id: str,
        service: str,
        parent: str | None,
        scene: tuple[float, Mapping[str, Mapping[Signal, float]]],
        spans: list[Span],
    ) -> None:
        at, levels = scene
        here = levels[service]
        if here[Signal.UP] < 0.5 and parent is not None:  # noqa: PLR2004  half dead answers nothing
            return
        span_id = f"{trace_id[:8]}{len(spans)}"
        spans.append(
            Span(
                trace_id=trace_id,
                span_id=span_id,
                parent_id=parent,
                entity=service,
                operation=f"GET /{service}",
                kind="server",
                start=at + len(spans) / 1000,
                duration_ms=here[Signal.LATENCY] * 1000 * self.dice.uniform(0.9, 1.1),
                error=self.dice.random() < here[Signal.ERRORS],
                attributes={},
            )
        )
        for callee in self.fleet.callees(service):
            self._span(trace_id, callee, span_id, scene, spans)


_KINDS = {
    "http_requests_total": "counter",
    "http_request_duration_seconds_sum": "summary",
    "http_request_duration_seconds_count": "summary",
}
_ROUTINE = "served {word} request {hex} in {number} us"


def _scaled(signal: Signal, severity: float) -> float:
    """Shares are full at one, and a dead process is dead: only what has no ceiling varies."""
    return 1.0 if signal in (Signal.UP, Signal.POOL, Signal.THREADS, Signal.FILES, Signal.DISK) else severity


def _state(service: str, release: str, previous: str | None) -> TargetState:
    return TargetState(
        target=service,
        version=1,
        release=release,
        previous_release=previous,
        config_version=1,
        previous_config_version=None,
        config={"limit": 40},
        flags={},
        replicas=2,
        healthy_peers=1,
    )
