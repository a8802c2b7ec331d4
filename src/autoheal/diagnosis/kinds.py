"""What a metric measures, read from the words and units of its name and never from the service's name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType


class Kind(StrEnum):
    """The families of metrics that a score treats alike."""

    ERROR = "error"
    LATENCY = "latency"
    CPU = "cpu"
    MEMORY = "memory"
    THROTTLING = "throttling"
    SATURATION = "saturation"
    QUEUE = "queue"
    LOCK = "lock"
    CRASH = "crash"
    DISK = "disk"
    NETWORK = "network"
    LOAD = "load"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """How to read a metric: its kind, whether down is bad, and whose view it is.

    ceiling is the value at which a share is full (1 or 100, 0 where there is none). outgoing: measured at the
    caller's end of all its calls (a metric of one edge, with its caller as label, is the callee's).
    given_up: calls that the caller abandoned. node: of the machine, which others share. objective: the
    service level that was alerted on.
    """

    kind: Kind
    falling_is_bad: bool = False
    ceiling: float = 0.0
    outgoing: bool = False
    given_up: bool = False
    node: bool = False
    objective: bool = False
    unit: str = ""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORDS: Mapping[Kind, frozenset[str]] = MappingProxyType(
    {
        Kind.CRASH: _words(
            "restart restarts crash crashes crashed panic panics oom oomkilled oomkill up ready alive uptime "
            "unavailable replicas start starts exit exits evicted killed heartbeat"
        ),
        Kind.THROTTLING: _words("throttle throttled throttling cfs runqueue steal pressure stall"),
        Kind.ERROR: _words(
            "error errors err errs fail fails failed failure failures exception exceptions 5xx 4xx 500 503 "
            "fault faults rejected rejections cancelled canceled cancellations aborted abort success "
            "successes availability timeout timeouts dropped drops drop invalid unhealthy retries retry "
            "deadlettered"
        ),
        Kind.LATENCY: _words(
            "latency latencies duration durations delay rt rtt response elapsed p50 p75 p90 p95 p99 quantile "
            "seconds apdex time"
        ),
        Kind.LOCK: _words("lock locks locked deadlock deadlocks blocked waiting wait waits"),
        Kind.QUEUE: _words("queue queued backlog lag pending age buffer buffers inflight depth unprocessed"),
        Kind.SATURATION: _words(
            "pool pools connection connections conn conns fd fds threads thread goroutines sockets socket "
            "handles sessions slots saturation exhausted gc"
        ),
        Kind.CPU: _words("cpu cores millicores load1 load5 load15 processor"),
        Kind.MEMORY: _words("memory mem rss heap resident swap workingset working cache"),
        Kind.DISK: _words(
            "disk diskio filesystem fs io iops inode inodes volume storage write writes read reads syscall "
            "blkio scan scans scanned tup tuples"
        ),
        Kind.NETWORK: _words(
            "network net bytes receive received transmit transmitted tx rx packets tcp bandwidth"
        ),
        Kind.LOAD: _words(
            "workload load ops requests request rps qps tps throughput rate hits calls invocations count "
            "traffic queries query messages records sum"
        ),
    }
)
"""Words of metric names by kind; the first kind that knows a word wins."""

_FALLING = _words(
    "success successes availability up ready alive uptime apdex heartbeat replicas free idle available"
)
_SHARES = _words("percent percentage pct ratio share utilization usage_ratio")
_PIECES = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+\d*|[A-Z]+\d*|\d+[a-z]*|%")


@lru_cache(maxsize=4096)
def meaning_of(metric: str) -> Meaning:
    """The meaning of a metric's name; unknown words give Kind.OTHER, which weighs little."""
    name = metric.split("{", 1)[0]
    pieces = [piece.lower() for piece in _PIECES.findall(name)]
    words = frozenset(pieces)
    kind = _kind_of(words, pieces)
    return Meaning(
        kind=kind,
        falling_is_bad=bool(words & _FALLING) and kind in _FALLING_KINDS,
        ceiling=_ceiling(words),
        outgoing=bool(words & {"client", "outgoing"}) and "{" not in metric,
        given_up=bool(words & {"cancelled", "canceled", "cancellations", "aborted"}),
        node="node" in words or "host" in words,
        objective="slo" in words or "sli" in words,
        unit=_unit(words),
    )


_FALLING_KINDS = frozenset({Kind.ERROR, Kind.CRASH, Kind.LATENCY, Kind.MEMORY, Kind.DISK})


def _kind_of(words: frozenset[str], pieces: list[str]) -> Kind:
    if "cpu" in words and not words & _WORDS[Kind.THROTTLING]:
        return Kind.CPU
    if words & _WORDS[Kind.CRASH] and not words & _WORDS[Kind.LATENCY]:
        return Kind.CRASH
    for kind, vocabulary in _WORDS.items():
        if words & vocabulary and not (kind is Kind.LATENCY and _is_duration_of_other(words)):
            return kind
    return Kind.LATENCY if pieces and pieces[-1] in {"ms", "s"} else Kind.OTHER


def _is_duration_of_other(words: frozenset[str]) -> bool:
    """Seconds alone name a unit: of CPU time, of a message's age, of a start."""
    strong = _WORDS[Kind.LATENCY] - {"seconds", "time", "delay", "response"}
    other = _WORDS[Kind.CPU] | _WORDS[Kind.QUEUE] | _WORDS[Kind.CRASH] | _WORDS[Kind.LOCK]
    return not words & strong and bool(words & other)


def _ceiling(words: frozenset[str]) -> float:
    if words & {"%", "percent", "percentage", "pct"}:
        return 100.0
    return 1.0 if words & _SHARES else 0.0


def _unit(words: frozenset[str]) -> str:
    units = (
        ({"ms", "milliseconds"}, "ms"),
        ({"s", "seconds"}, "s"),
        ({"%", "percent", "percentage", "pct"}, "%"),
        ({"ratio"}, "ratio"),
        ({"mi", "mib"}, "MiB"),
        ({"gib"}, "GiB"),
        ({"bytes"}, "bytes"),
    )
    return next((unit for marks, unit in units if words & marks), "")
