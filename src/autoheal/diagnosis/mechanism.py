"""How an entity fails, read from which kind of its terms carries the most points."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from autoheal.diagnosis.finding import Mechanism, Term

_M = Mechanism

VOTES: Mapping[str, Mapping[Mechanism, float]] = MappingProxyType(
    {
        "cpu_shift": {_M.RESOURCE_EXHAUSTION: 1.3},
        "memory_shift": {_M.RESOURCE_EXHAUSTION: 1.2},
        "throttling_shift": {_M.RESOURCE_EXHAUSTION: 1.3},
        "saturation_shift": {_M.RESOURCE_EXHAUSTION: 1.2},
        "disk_shift": {_M.RESOURCE_EXHAUSTION: 0.8},
        "queue_shift": {_M.RESOURCE_EXHAUSTION: 0.5, _M.LOAD: 0.3},
        "lock_shift": {_M.RESOURCE_EXHAUSTION: 0.8, _M.DEPENDENCY_LATENCY: 0.4},
        "crash_shift": {_M.CRASH: 1.5},
        "error_shift": {_M.ERRORS: 1.0},
        "failing_calls": {_M.ERRORS: 1.0},
        "new_lines": {_M.ERRORS: 0.9},
        "more_lines": {_M.ERRORS: 0.7},
        "unanswered_calls": {_M.CRASH: 1.2},
        "callers_agree": {_M.DEPENDENCY_LATENCY: 0.6},
        "missing_lines": {_M.ERRORS: 1.0},
        "missing_call": {_M.ERRORS: 0.8},
        "extra_call": {_M.ERRORS: 0.3, _M.DEPENDENCY_LATENCY: 0.3},
        "latency_shift": {_M.DEPENDENCY_LATENCY: 0.7},
        "own_time": {_M.DEPENDENCY_LATENCY: 0.6, _M.RESOURCE_EXHAUSTION: 0.3},
        "network_gap": {_M.NETWORK_DELAY: 1.2},
        "network_shift": {_M.LOAD: 0.3},
        "load_shift": {_M.LOAD: 0.6},
    }
)
"""What each term says about the mechanism, per point of score."""


def mechanism_of(terms: Iterable[Term]) -> Mechanism:
    """The mechanism with most votes; unknown where no term votes."""
    votes: dict[Mechanism, float] = defaultdict(float)
    for term in terms:
        for mechanism, weight in VOTES.get(term.name, {}).items():
            votes[mechanism] += weight * max(term.points, 0.0)
    return max(sorted(votes), key=lambda mechanism: votes[mechanism], default=Mechanism.UNKNOWN)
