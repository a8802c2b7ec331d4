"""Who calls whom, and which of a caller's symptoms its callees explain away."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np

from autoheal.diagnosis.finding import Modality, Term
from autoheal.diagnosis.mechanism import surges
from autoheal.diagnosis.span_table import SpanTable

EXPLAINED = 0.85
"""The part of a caller's symptom that a fully matching callee takes away."""

FAILING = frozenset({"error_shift", "new_lines", "more_lines", "failing_calls"})
FAILING_CAUSES = FAILING | {"crash_shift", "unanswered_calls", "broken_contract", "lock_shift"}
DEAD = frozenset({"crash_shift", "unanswered_calls"})
_DEAD_SHARE = 0.85
_MATCH = 2.0
SLOW = frozenset({"latency_shift"})
SLOW_CAUSES = frozenset(
    {"latency_shift", "own_time", "network_gap", "stalling_gap", "callers_agree", "lock_shift"}
)
PILED_UP = frozenset({"load_shift", "saturation_shift", "queue_shift"})
"""Terms that travel from a callee to its callers, by what travels; a slow callee shows in its spans too.

What waits for a slow callee piles up: the requests in flight are their rate times their time (Little's law).
A dead callee makes its callers fail, wait for the timeout, and be busy with trying again; whoever waits for
a lock is slow until the timeout and fails then.
"""

_CARRIED = ((FAILING, FAILING_CAUSES), (SLOW | PILED_UP, SLOW_CAUSES))
_STARVED = FAILING | SLOW | PILED_UP | {"cpu_shift"}


def call_edges(declared: Iterable[tuple[str, str]], spans: SpanTable | None) -> frozenset[tuple[str, str]]:
    """Declared (caller, callee) pairs and those seen in spans, without self calls."""
    edges = {(caller, callee) for caller, callee in declared if caller != callee}
    if spans is not None:
        child = np.flatnonzero(spans.crosses)
        pairs = np.unique(np.stack([spans.entity[spans.parent[child]], spans.entity[child]]), axis=1)
        edges |= {(spans.entities[a], spans.entities[b]) for a, b in pairs.T}
    return frozenset(edges)


def explaining_terms(terms: Mapping[str, list[Term]], edges: frozenset[tuple[str, str]]) -> list[Term]:
    """Explain away: a negative term for a caller whose failing or slowness is matched by a callee's.

    What a dead callee starves is explained by it, at any distance where each caller on the way fails too.
    """
    callees: dict[str, list[str]] = defaultdict(list)
    for caller, callee in sorted(edges):
        callees[caller].append(callee)
    starving = _starving(terms, edges)
    found: list[Term] = []
    for caller in sorted(set(terms) & set(callees)):
        if caller in starving:
            points = _sum(terms[caller], _STARVED)
            found.append(
                _topology_term("explained_by_callee", caller, starving[caller], -_DEAD_SHARE * points)
            )
            continue
        for shown, causes in _CARRIED:
            found += _explained(caller, callees[caller], terms, (shown, causes))
    return found


def _starving(terms: Mapping[str, list[Term]], edges: frozenset[tuple[str, str]]) -> dict[str, str]:
    """Failing callers of the dead, and their failing callers in turn, each with what starves it."""
    dead = {entity for entity, found in terms.items() if _sum(found, DEAD) > _HURT}
    starving: dict[str, str] = {}
    frontier = sorted(dead)
    while frontier:
        callee = frontier.pop(0)
        for caller in sorted(caller for caller, called in edges if called == callee):
            if caller not in dead | starving.keys() and _sum(terms.get(caller, ()), FAILING) > _HURT:
                starving[caller] = callee
                frontier.append(caller)
    return starving


def _explained(
    caller: str,
    callees: list[str],
    terms: Mapping[str, list[Term]],
    carried: tuple[frozenset[str], frozenset[str]],
) -> list[Term]:
    points = _sum(terms[caller], carried[0])
    theirs = {name: _sum(terms.get(name, ()), carried[1]) for name in callees}
    best = max(callees, key=lambda name: theirs[name])
    if points <= 0 or theirs[best] <= 0:
        return []
    return [
        Term(
            name="explained_by_callee",
            modality=Modality.TOPOLOGY,
            entity=caller,
            subject=best,
            points=-points * EXPLAINED * min(1.0, _MATCH * theirs[best] / points),
            before=points,
            after=theirs[best],
            statistic="points",
        )
    ]


def _sum(terms: Iterable[Term], names: frozenset[str]) -> float:
    return sum(term.points for term in terms if term.name in names)


def passed_on_terms(terms: Mapping[str, list[Term]], edges: frozenset[tuple[str, str]]) -> list[Term]:
    """Load passed on: negative for a callee whose surge of traffic comes from a caller that surges too."""
    surging = {entity for entity, found in terms.items() if any(surges(term) for term in found)}
    sources = {
        callee: caller
        for caller, callee in sorted(edges, reverse=True)
        if caller in surging and callee in surging
    }
    return [
        _topology_term(
            "load_passed_on", callee, caller, -_PASSED * sum(max(term.points, 0.0) for term in terms[callee])
        )
        for callee, caller in sorted(sources.items())
    ]


_PASSED = 0.5


def partial_view_terms(
    terms: Mapping[str, list[Term]], edges: frozenset[tuple[str, str]], volumes: Mapping[str, float]
) -> list[Term]:
    """Two views of one thing: a leaf that sees part of the traffic of a busier, failing sibling gives way.

    Both are called by the same callers; the sibling goes on to call others and is not called by the leaf's
    callers through it. Seen with load balancers and remote ends that tracing counts as services.
    """
    callers: dict[str, set[str]] = defaultdict(set)
    callees: dict[str, set[str]] = defaultdict(set)
    for caller, callee in edges:
        callers[callee].add(caller)
        callees[caller].add(callee)
    found: list[Term] = []
    for leaf in sorted(set(terms) & set(callers)):
        points = _sum(terms[leaf], SEEN)
        if callees[leaf] or points <= 0 or leaf not in volumes:
            continue
        siblings = set.intersection(*(callees[caller] for caller in callers[leaf])) - {leaf}
        fuller = [
            name
            for name in sorted(siblings)
            if callees[name] and leaf not in callees[name] and volumes.get(name, 0.0) > volumes[leaf]
        ]
        best = max(fuller, key=lambda name: _sum(terms.get(name, ()), SEEN), default=None)
        if best is None or (theirs := _sum(terms.get(best, ()), SEEN)) <= 0:
            continue
        found.append(
            Term(
                name="partial_view_of",
                modality=Modality.TOPOLOGY,
                entity=leaf,
                subject=best,
                points=-EXPLAINED * points * min(1.0, _VIEW * theirs / points),
                before=points,
                after=theirs,
                statistic="points",
            )
        )
    return found


_VIEW = 2.0
SEEN = frozenset({"error_shift", "latency_shift"})


MUTE_SLOW = frozenset({"latency_shift", "own_time"})
_HURT = 0.3
_AGREE = 0.8


def callers_agree_terms(
    terms: Mapping[str, list[Term]], edges: frozenset[tuple[str, str]], telling: frozenset[str]
) -> list[Term]:
    """Callers agree: a callee that measures no requests of its own is blamed for what its callers share.

    A database or a queue writes neither spans nor latency: when two or more of its callers and at least two
    thirds of them are slow by their own account, and no callee that does tell explains it, it is the reason.
    """
    callers: dict[str, set[str]] = defaultdict(set)
    for caller, callee in edges:
        callers[callee].add(caller)
    found: list[Term] = []
    for callee in sorted(set(callers) - telling):
        slow = {name: _sum(terms.get(name, ()), MUTE_SLOW) for name in sorted(callers[callee])}
        hurt = sorted((name for name in slow if slow[name] > _HURT), key=lambda name: -slow[name])
        if len(hurt) < len(("one", "two")) or 3 * len(hurt) < 2 * len(slow):
            continue
        shared = _AGREE * slow[hurt[1]]
        found.append(_topology_term("callers_agree", callee, " and ".join(hurt), shared * len(hurt) / 2))
        found += [
            _topology_term("explained_by_callee", name, callee, -EXPLAINED * slow[name]) for name in hurt
        ]
    return found


def _topology_term(name: str, entity: str, subject: str, points: float) -> Term:
    return Term(
        name=name,
        modality=Modality.TOPOLOGY,
        entity=entity,
        subject=subject,
        points=points,
        statistic="points",
    )
