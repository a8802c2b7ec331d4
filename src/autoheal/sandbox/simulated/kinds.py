"""What can break in a simulated production: the families that come again, and what nobody has seen before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations, product

from autoheal.domain.change import ChangeKind
from autoheal.domain.mitigation import ActionKind


class Signal(StrEnum):
    """What a simulated service measures of itself; the values are names of metrics."""

    ERRORS = "errors"
    LATENCY = "latency"
    TRAFFIC = "traffic"
    UP = "up"
    CPU = "process_cpu_usage_ratio"
    MEMORY = "process_resident_memory_bytes"
    POOL = "db_pool_in_use_ratio"
    QUEUE = "work_queue_depth"
    DISK = "disk_used_percent"
    GC = "gc_pause_seconds"
    FILES = "open_files_ratio"
    LOCKS = "lock_wait_seconds"
    CACHE = "cache_miss_ratio"
    DNS = "dns_lookup_seconds"
    LAG = "consumer_lag_messages"
    TLS = "tls_handshake_seconds"
    REPLICA = "replication_lag_seconds"
    THREADS = "thread_pool_active_ratio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One way to fail: where signals go at full strength, by what change, and which verb ends it.

    A kind without a cure is ended by a person; one that lasts (seconds) goes by itself; without effects it
    is a false alarm.
    """

    name: str
    effects: Mapping[Signal, float] = field(default_factory=dict)
    line: str = ""
    change: ChangeKind | None = None
    cure: ActionKind | None = None
    at_entry: bool = False
    lasts: float = 0.0


_S = Signal

FAMILIES = (
    Kind(
        name="bad release rejects requests",
        effects={_S.ERRORS: 0.55},
        line="unhandled KeyError {word} in handler {word} request {hex}",
        change=ChangeKind.DEPLOY,
        cure=ActionKind.ROLLBACK,
    ),
    Kind(
        name="pool made too small",
        effects={_S.POOL: 1.0, _S.LATENCY: 1.6, _S.ERRORS: 0.2},
        line="could not get a connection within {number} ms: pool of {number} is exhausted",
        change=ChangeKind.CONFIG,
        cure=ActionKind.RESTORE_CONFIG,
    ),
    Kind(
        name="flag turns on a broken path",
        effects={_S.ERRORS: 0.35, _S.CACHE: 0.9},
        line="variant {word} has no renderer for item {number}",
        change=ChangeKind.FLAG,
        cure=ActionKind.SET_FLAG,
    ),
    Kind(
        name="memory leak",
        effects={_S.MEMORY: 2.4e9, _S.GC: 0.9, _S.CPU: 0.96, _S.LATENCY: 0.3},
        line="garbage collection took {number} ms, heap {number} MiB",
        cure=ActionKind.RESTART,
    ),
    Kind(
        name="process died",
        effects={_S.UP: 0.0, _S.TRAFFIC: 0.0, _S.ERRORS: 0.9},
        cure=ActionKind.RESTART,
    ),
    Kind(
        name="traffic surge",
        effects={_S.TRAFFIC: 280.0, _S.LATENCY: 1.0, _S.QUEUE: 300.0},
        line="shed request {hex}: {number} in flight",
        cure=ActionKind.SCALE,
        at_entry=True,
    ),
    Kind(
        name="stuck workers",
        effects={_S.QUEUE: 4_000.0, _S.LATENCY: 0.9, _S.THREADS: 1.0},
        line="job {hex} waited {number} s in the queue",
        cure=ActionKind.RESTART,
    ),
    Kind(
        name="slow release",
        effects={_S.LATENCY: 2.2, _S.CPU: 0.96},
        line="render of {word} took {number} ms",
        change=ChangeKind.DEPLOY,
        cure=ActionKind.ROLLBACK,
    ),
)
"""Families that come again and again, on any service."""

_ORGANS = (
    (_S.GC, 0.8, "stop-the-world pause of {number} ms"),
    (_S.FILES, 1.0, "accept: too many open files ({number})"),
    (_S.LOCKS, 4.0, "waited {number} ms for row lock {hex}"),
    (_S.CACHE, 1.0, "miss storm on shard {number}"),
    (_S.DNS, 2.1, "lookup of {word} took {number} ms"),
    (_S.LAG, 60_000.0, "rebalance {hex} did not finish"),
    (_S.TLS, 4.0, "handshake with {word} took {number} ms"),
    (_S.REPLICA, 90.0, "stale read: replica is {number} s behind"),
    (_S.THREADS, 1.0, "thread {number} blocked by thread {number}"),
    (_S.DISK, 97.0, "write of {hex}: no space left on device"),
)
_SHOWN: tuple[Mapping[Signal, float], ...] = (
    {_S.ERRORS: 0.3},
    {_S.LATENCY: 1.7},
    {_S.LATENCY: 1.2, _S.ERRORS: 0.15},
)
_CURES = (ActionKind.RESTART, None, ActionKind.RESTART, ActionKind.SCALE, None)
PASSING = (
    Kind(name="errors that pass", effects={_S.ERRORS: 0.4}, line="connection reset by {word}", lasts=125.0),
    Kind(name="slowness that passes", effects={_S.LATENCY: 1.5}, line="slow: {number} ms", lasts=125.0),
    Kind(name="traffic that passes", effects={_S.TRAFFIC: 280.0, _S.QUEUE: 900.0}, lasts=125.0),
    Kind(name="pool that fills and empties", effects={_S.POOL: 0.97, _S.LATENCY: 0.9}, lasts=125.0),
    Kind(name="false alarm"),
)
"""What ends by itself, or never was: it comes again, and each time is news."""


def _spread(pair: tuple[tuple[Signal, float, str], tuple[Signal, float, str]]) -> int:
    """Neighbors in the list first, then those further apart: a short stream meets every organ."""
    first, second = (_ORGANS.index(organ) for organ in pair)
    return abs(second - first)


def novel() -> tuple[Kind, ...]:
    """Faults of two organs at once, each combination only here: more than any stream needs."""
    pairs = enumerate(sorted(combinations(_ORGANS, 2), key=_spread))
    ways = [(shift, number, pair) for shift, (number, pair) in product(range(len(_SHOWN)), pairs)]
    return tuple(
        Kind(
            name=f"{first[0].value} with {second[0].value}, way {shift}",
            effects={first[0]: first[1], second[0]: second[1], **_SHOWN[(number + shift) % len(_SHOWN)]},
            line=first[2],
            cure=_CURES[number % len(_CURES)],
        )
        for shift, number, (first, second) in ways
    )
