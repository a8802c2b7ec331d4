"""How an entity fails, read from which kind of its terms carries the most points."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from autoheal.diagnosis.finding import Term
from autoheal.domain.change import ChangeKind
from autoheal.domain.investigation import Mechanism

_M = Mechanism

_VOTES: Mapping[str, Mapping[Mechanism, float]] = MappingProxyType(
    {
        "cpu_shift": {_M.RESOURCE_EXHAUSTION: 2.5},
        "memory_shift": {_M.RESOURCE_EXHAUSTION: 1.2},
        "throttling_shift": {_M.RESOURCE_EXHAUSTION: 1.3},
        "saturation_shift": {_M.RESOURCE_EXHAUSTION: 1.2},
        "disk_shift": {_M.RESOURCE_EXHAUSTION: 0.8},
        "queue_shift": {_M.RESOURCE_EXHAUSTION: 0.5, _M.LOAD: 0.3},
        "lock_shift": {_M.RESOURCE_EXHAUSTION: 1.6},
        "crash_shift": {_M.CRASH: 1.5},
        "error_shift": {_M.ERRORS: 1.0},
        "failing_calls": {_M.ERRORS: 1.0},
        "new_lines": {_M.ERRORS: 0.9},
        "more_lines": {_M.ERRORS: 0.7},
        "unanswered_calls": {_M.CRASH: 1.2},
        "callers_agree": {_M.DEPENDENCY_LATENCY: 0.6},
        "missing_lines": {_M.ERRORS: 1.0},
        "standing_errors": {_M.ERRORS: 1.0},
        "broken_contract": {_M.ERRORS: 1.5},
        "missing_call": {_M.ERRORS: 0.8},
        "extra_call": {_M.ERRORS: 0.3, _M.DEPENDENCY_LATENCY: 0.3},
        "latency_shift": {_M.DEPENDENCY_LATENCY: 0.7},
        "own_time": {_M.DEPENDENCY_LATENCY: 0.6, _M.RESOURCE_EXHAUSTION: 0.4, _M.NETWORK_DELAY: -0.8},
        "network_gap": {_M.NETWORK_DELAY: 1.2},
        "stalling_gap": {_M.RESOURCE_EXHAUSTION: 0.9, _M.NETWORK_DELAY: 0.3},
        "network_shift": {_M.LOAD: 0.3},
        "load_shift": {_M.LOAD: 0.6},
    }
)
"""What each term says about the mechanism, per point of score."""


def mechanism_of(terms: Sequence[Term]) -> Mechanism:
    """The mechanism with most votes; unknown where no term votes."""
    votes = votes_of(terms)
    best = max(sorted(votes), key=lambda mechanism: votes[mechanism], default=Mechanism.UNKNOWN)
    return best if votes and votes[best] > 0 else Mechanism.UNKNOWN


def votes_of(terms: Sequence[Term]) -> Mapping[Mechanism, float]:
    """How much the terms speak for each mechanism; below nothing where they speak against it."""
    votes: dict[Mechanism, float] = defaultdict(float)
    for term in terms:
        for mechanism, weight in _VOTES.get(term.name, {}).items():
            votes[mechanism] += weight * max(term.points, 0.0)
    if any(surges(term) for term in terms):
        votes[Mechanism.LOAD] += _SURGE_SHARE * sum(max(term.points, 0.0) for term in terms)
    return votes


_SURGE = 1.7
_SURGE_SHARE = 1.5
_TRAFFIC = re.compile(r"request|rps|qps|ops|workload|throughput|traffic", re.IGNORECASE)
_NOT_TRAFFIC = re.compile(r"per[-_ ]?request|depth|queue", re.IGNORECASE)


def is_traffic(metric: str) -> bool:
    """Whether a load metric counts what comes in from outside."""
    return bool(_TRAFFIC.search(metric)) and not _NOT_TRAFFIC.search(metric)


def surges(term: Term) -> bool:
    """Whether the term says that much more traffic came in than before."""
    if term.name != "load_shift" or not term.before or term.after is None or not is_traffic(term.subject):
        return False
    return term.after > _SURGE * term.before


def with_culprit(mechanism: Mechanism, kind: ChangeKind, *, config: bool) -> Mechanism:
    """The mechanism once a change is found guilty: it is the change that has to be undone."""
    if config or kind in {ChangeKind.CONFIG, ChangeKind.FLAG}:
        return Mechanism.CONFIGURATION
    return Mechanism.DEPLOY if kind in {ChangeKind.DEPLOY, ChangeKind.COMMIT} else mechanism
