"""A small production made of arrays: what Prometheus, logs and traces would say of it, seeded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from autoheal.diagnosis.telemetry import Telemetry
from autoheal.domain.change import Change

T0 = 1_790_000_000.0
CALLS = (
    ("gateway", "catalog"),
    ("gateway", "checkout"),
    ("checkout", "payment"),
    ("checkout", "stock"),
    ("catalog", "db"),
    ("stock", "db"),
)
SERVICES = ("gateway", "catalog", "checkout", "payment", "stock")
SHARE = {"gateway": 1.0, "catalog": 0.7, "checkout": 0.3, "payment": 0.3, "stock": 0.3}
BASE_MS = {"gateway": 4.0, "catalog": 6.0, "checkout": 8.0, "payment": 12.0, "stock": 5.0}


@dataclass(frozen=True, kw_only=True)
class World:
    """What holds at one moment: own milliseconds, failing shares and gauges of each service."""

    own_ms: dict[str, float] = field(default_factory=lambda: dict(BASE_MS))
    failing: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=lambda: dict.fromkeys(SERVICES, 0.05))
    memory: dict[str, float] = field(default_factory=lambda: dict.fromkeys(SERVICES, 60e6))
    pool: dict[str, float] = field(default_factory=lambda: {"catalog": 2.0, "stock": 2.0})
    down: frozenset[str] = frozenset()
    started: dict[str, float] = field(default_factory=lambda: dict.fromkeys(SERVICES, T0 - 500))
    load: float = 20.0
    db_ms: float = 2.0
    db_locks: float = 0.0
    db_scans: float = 1.0
    says: tuple[tuple[str, str], ...] = ()


CALM = World()
Fault = Callable[[World, float], World]


@dataclass(frozen=True, kw_only=True)
class Recorder:
    """What the services write while they run, and the dice of their small variations."""

    dice: np.random.Generator
    spans: list[dict[str, object]] = field(default_factory=list)
    logs: list[tuple[float, str, str, str]] = field(default_factory=list)

    def span(self, trace: str, ids: tuple[str, str], what: tuple[str, str], at: float, took: float) -> None:
        """Write one successful span: ids are (span, parent), what is (entity, operation)."""
        self.spans.append(
            {
                "trace_id": trace,
                "span_id": ids[0],
                "parent_id": ids[1],
                "entity": what[0],
                "operation": what[1],
                "start": at,
                "duration_ms": took,
                "error": False,
            }
        )


def calm(world: World, _: float) -> World:
    """Nothing happens."""
    return world


def telemetry(
    fault: Fault = calm,
    *,
    seed: int = 1,
    history: float = 120.0,
    lasting: float = 24.0,
    step: float = 2.0,
    changes: tuple[Change, ...] = (),
) -> Telemetry:
    """What an alert 'lasting' seconds after the onset (at T0) would be investigated with."""
    dice = np.random.default_rng(seed)
    moments = np.arange(-history, lasting + step / 2, step)
    worlds = [fault(CALM, float(t)) if t >= 0 else CALM for t in moments]
    rows = [
        row for t, world in zip(moments, worlds, strict=True) for row in _metrics(T0 + float(t), world, dice)
    ]
    times, entities, metrics, values = zip(*rows, strict=True)
    recorder = _traffic(moments, worlds, dice)
    return Telemetry(
        start=T0 - history,
        end=T0 + lasting,
        alert_time=T0 + lasting - 4.0,
        alert_entity="gateway",
        metrics=pl.DataFrame({"time": times, "entity": entities, "metric": metrics, "value": values}),
        logs=pl.DataFrame(recorder.logs, schema=["time", "entity", "trace_id", "message"], orient="row"),
        spans=pl.DataFrame(recorder.spans),
        topology=CALLS,
        changes=changes,
    )


def _total_ms(name: str, world: World) -> float:
    inner = [_total_ms(callee, world) for caller, callee in CALLS if caller == name and callee != "db"]
    db = world.db_ms if (name, "db") in CALLS else 0.0
    return world.own_ms[name] + db + sum(inner)


def _fails(name: str, world: World) -> float:
    inner = [_fails(callee, world) for caller, callee in CALLS if caller == name and callee != "db"]
    own = 1.0 if name in world.down else world.failing.get(name, 0.0)
    alive = 1.0 - own
    for share in inner:
        alive *= 1.0 - share
    return 1.0 - alive


Row = tuple[float, str, str, float]


def _metrics(at: float, world: World, dice: np.random.Generator) -> list[Row]:
    rows: list[Row] = []
    for name in SERVICES:
        rows.append((at, name, "up", 0.0 if name in world.down else 1.0))
        if name in world.down:
            continue
        rate = world.load * SHARE[name] * dice.normal(1, 0.06)
        latency = _total_ms(name, world) / 1000 * dice.normal(1, 0.05)
        rows += [
            (at, name, "http_requests_total:rate", rate),
            (at, name, "http_requests_total:error_ratio", _fails(name, world) + dice.exponential(0.002)),
            (at, name, "http_request_duration_seconds:p95", latency * 1.8 * dice.normal(1, 0.08)),
            (at, name, "http_request_duration_seconds:mean", latency),
            (at, name, "process_cpu_seconds_total:rate", world.cpu[name] * dice.normal(1, 0.1)),
            (at, name, "process_resident_memory_bytes", world.memory[name] * dice.normal(1, 0.003)),
            (at, name, "process_start_time_seconds", world.started[name]),
        ]
        if name in world.pool:
            rows.append((at, name, "db_pool_in_use", world.pool[name] * dice.normal(1, 0.1)))
            rows.append((at, name, "db_pool_max", 10.0))
    rows += [
        (at, "db", "pg_locks_waiting", world.db_locks),
        (at, "db", "pg_connections", 8.0 + world.db_locks + dice.integers(0, 2)),
        (at, "db", "pg_seq_scan_total:rate", world.db_scans * dice.normal(1, 0.1)),
    ]
    return rows


def _traffic(moments: np.ndarray, worlds: list[World], dice: np.random.Generator) -> Recorder:
    recorder = Recorder(dice=dice)
    for place, (moment, world) in enumerate(zip(moments, worlds, strict=True)):
        for number in range(4):
            trace = f"t{place}-{number}"
            route = "catalog" if dice.random() < SHARE["catalog"] else "checkout"
            visit = Visit(trace=trace, route=route, world=world, recorder=recorder)
            visit.call("gateway", T0 + float(moment) + number * 0.2, "root")
            said = [(name, text) for name, text in world.says if dice.random() < 0.5]
            recorder.logs.extend((T0 + float(moment), name, trace, text) for name, text in said)
    return recorder


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One request on its way through the services."""

    trace: str
    route: str
    world: World
    recorder: Recorder

    def call(self, name: str, at: float, parent: str) -> tuple[float, bool]:
        """Serve it at one service, with a client span per call; milliseconds and whether it failed."""
        if name in self.world.down:
            return 1.0, True
        dice, span = self.recorder.dice, f"{self.trace}.{name}"
        total = self.world.own_ms[name] * dice.lognormal(0, 0.15)
        failed = bool(dice.random() < self.world.failing.get(name, 0.0))
        if (name, "db") in CALLS:
            spent = self.world.db_ms * dice.lognormal(0, 0.15)
            total += spent
            self.recorder.span(self.trace, (f"{span}.db", span), (name, "SELECT stock"), at, spent)
        for callee in self._callees(name):
            client = f"{span}>{callee}"
            spent, broke = self.call(callee, at + total / 1000, client)
            spent += 0.8 * dice.lognormal(0, 0.2)
            self.recorder.span(self.trace, (client, span), (name, f"POST {callee}"), at + total / 1000, spent)
            self.recorder.spans[-1]["error"] = broke
            total += spent
            failed = failed or broke
        self.recorder.span(self.trace, (span, parent), (name, f"handle {name}"), at, total)
        self.recorder.spans[-1]["error"] = failed
        self._log(name, at, total, failed=failed)
        return total, failed

    def _callees(self, name: str) -> list[str]:
        found = [callee for caller, callee in CALLS if caller == name and callee != "db"]
        return [callee for callee in found if name != "gateway" or callee == self.route]

    def _log(self, name: str, at: float, took: float, *, failed: bool) -> None:
        done = f"INFO {name} handled request {self.trace} in {took:.1f} ms"
        self.recorder.logs.append((at, name, self.trace, done))
        if failed:
            text = f"ERROR {name} request {self.trace} failed with status 500"
            self.recorder.logs.append((at, name, self.trace, text))


def slow(name: str, factor: float = 20.0) -> Fault:
    """The service's own code takes longer."""
    return lambda world, _: replace(world, own_ms={**world.own_ms, name: world.own_ms[name] * factor})


def failing(name: str, share: float = 0.4, text: str = "") -> Fault:
    """A share of the service's requests fails by its own fault."""
    says = ((name, text),) if text else ()
    return lambda world, _: replace(world, failing={name: share}, says=says)


def killed(name: str) -> Fault:
    """The process is gone."""
    return lambda world, _: replace(world, down=frozenset({name}))


def crash_looping(name: str) -> Fault:
    """The process restarts every few seconds and fails half of its requests."""
    return lambda world, t: replace(
        world, failing={name: 0.5}, started={**world.started, name: T0 + t - t % 6}
    )


def starved(name: str) -> Fault:
    """The process has no CPU to spare: it burns its share and everything takes longer."""
    return lambda world, _: replace(
        world,
        cpu={**world.cpu, name: 0.98},
        own_ms={**world.own_ms, name: world.own_ms[name] * 8},
    )


def leaking(name: str) -> Fault:
    """Memory grows by ten megabytes a second and responses slow down a little."""
    return lambda world, t: replace(
        world,
        memory={**world.memory, name: 60e6 + 10e6 * t},
        own_ms={**world.own_ms, name: world.own_ms[name] * (1 + t / 10)},
    )


def locked(world: World, _: float) -> World:
    """Somebody holds a lock in the database: every query waits."""
    return replace(world, db_ms=600.0, db_locks=6.0, pool={"catalog": 6.0, "stock": 6.0})


def unindexed(world: World, _: float) -> World:
    """An index is missing: sequential scans, slow queries."""
    return replace(world, db_ms=120.0, db_scans=40.0)


def drained_pool(name: str) -> Fault:
    """All connections of the service's pool are taken and requests wait for one."""
    return lambda world, _: replace(
        world, pool={**world.pool, name: 10.0}, own_ms={**world.own_ms, name: world.own_ms[name] + 400}
    )


def surge(world: World, _: float) -> World:
    """Five times the traffic; everything is busier and slower."""
    return replace(
        world,
        load=100.0,
        cpu=dict.fromkeys(SERVICES, 0.22),
        own_ms={name: ms * 2.5 for name, ms in world.own_ms.items()},
    )
