"""Spans as evidence: own time, waits between two ends of a call, failing calls, and calls that vanish."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from autoheal.diagnosis.edge_gaps import EdgeGap, gap_terms, rise
from autoheal.diagnosis.finding import Modality, Term, Window
from autoheal.diagnosis.series import Floats, Mask
from autoheal.diagnosis.shares import share_fall
from autoheal.diagnosis.span_table import Ints, SpanTable

_ENOUGH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The spans before and after the onset, with the windows that they cover."""

    before: Mask
    after: Mask
    earlier: Window
    later: Window
    typical_ms: float
    requests_after: int


def split_at(table: SpanTable, onset: float) -> Split | None:
    """The two sides of the onset; None where one of them has too few spans to compare."""
    before = table.start < onset
    after = ~before
    if min(before.sum(), after.sum()) < _ENOUGH:
        return None
    roots = table.parent < 0
    typical = (
        np.median(table.duration_ms[roots & before])
        if (roots & before).any()
        else np.median(table.duration_ms)
    )
    return Split(
        before=before,
        after=after,
        earlier=Window(start=float(table.start[before].min()), end=float(table.start[before].max())),
        later=Window(start=float(table.start[after].min()), end=float(table.start[after].max())),
        typical_ms=max(float(typical), 0.1),
        requests_after=np.unique(table.trace[after]).size,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Values grouped by an index in 0..n-1, sorted once, so that quantiles are slices."""

    order: Ints
    bounds: Ints
    values: Floats

    def pick(self, group: int) -> Floats:
        """The sorted values of one group."""
        return self.values[self.bounds[group] : self.bounds[group + 1]]

    def count(self, group: int) -> int:
        """How many values the group has."""
        return int(self.bounds[group + 1] - self.bounds[group])


def grouped(index: Ints, values: Floats, mask: Mask, size: int) -> Groups:
    """The masked values by group, each group's values ascending."""
    place = np.flatnonzero(mask)
    order = place[np.lexsort((values[place], index[place]))]
    bounds = np.searchsorted(index[order], np.arange(size + 1))
    return Groups(order=order, bounds=bounds, values=values[order])


def own_time_terms(table: SpanTable, split: Split) -> Iterator[Term]:
    """Self time: per operation the rise of its median and upper tail, weighed against the typical request."""
    work = ~table.waits
    size = len(table.operations)
    earlier = grouped(table.operation, table.own_ms, work & split.before, size)
    later = grouped(table.operation, table.own_ms, work & split.after, size)
    for number, (entity, operation) in enumerate(table.operations):
        if min(earlier.count(number), later.count(number)) < _ENOUGH:
            continue
        old, new = earlier.pick(number), later.pick(number)
        per_request = later.count(number) / max(split.requests_after, 1)
        points = max(
            rise(old, new, share, split.typical_ms, min(per_request, 3.0)) for share in (0.5, 0.75, 0.9)
        )
        if points > 0:
            yield Term(
                name="own_time",
                modality=Modality.SPANS,
                entity=entity,
                subject=operation,
                points=points,
                before=float(np.median(old)),
                after=float(np.median(new)),
                before_window=split.earlier,
                after_window=split.later,
                unit="ms",
            )


def network_terms(table: SpanTable, split: Split) -> Iterator[Term]:
    """Network gap: client span less server span per edge, given to the end most of whose edges shifted."""
    yield from gap_terms(list(_edge_gaps(table, split)), Modality.SPANS, split.earlier, split.later)


def _edge_gaps(table: SpanTable, split: Split) -> Iterator[EdgeGap]:
    child = np.flatnonzero(table.crosses & table.waits[np.maximum(table.parent, 0)])
    if not child.size:
        return
    up = table.parent[child]
    gap = np.maximum(table.duration_ms[up] - table.duration_ms[child], 0.0)
    width = len(table.entities)
    kinds, index = np.unique(table.entity[up] * width + table.entity[child], return_inverse=True)
    earlier = grouped(index, gap, split.before[child], kinds.size)
    later = grouped(index, gap, split.after[child], kinds.size)
    usual = _usual_gaps(earlier, later, kinds.size)
    client = _usual(index, table.operation[up], kinds.size)
    for number, code in enumerate(kinds):
        new = later.pick(number)
        if new.size < _ENOUGH:
            continue
        old = earlier.pick(number) if earlier.count(number) >= _ENOUGH else usual
        if not old.size:
            continue
        per_request = new.size / max(split.requests_after, 1)
        points = max(rise(old, new, share, split.typical_ms, min(per_request, 3.0)) for share in (0.5, 0.75))
        yield EdgeGap(
            caller=table.entities[code // width],
            callee=table.entities[code % width],
            subject=table.operations[client[number]][1],
            seen_at=table.entities[code // width],
            points=points,
            old=old,
            new=new,
        )


def _usual(group: Ints, value: Ints, size: int) -> Ints:
    """Per group its most frequent value; of equally frequent ones the largest."""
    pairs, counts = np.unique(np.stack([group, value]), axis=1, return_counts=True)
    best = np.zeros(size, dtype=np.int64)
    rising = np.argsort(counts, kind="stable")
    best[pairs[0][rising]] = pairs[1][rising]
    return best


def _usual_gaps(earlier: Groups, later: Groups, size: int) -> Floats:
    """The median gaps of all edges: what to expect of an edge that nobody used before the onset."""
    picks = [earlier.pick(i) if earlier.count(i) >= _ENOUGH else later.pick(i) for i in range(size)]
    return np.sort(np.array([np.median(pick) for pick in picks if pick.size]))


def error_terms(table: SpanTable, split: Split) -> Iterator[Term]:
    """Failing calls: the share of an operation's spans that fail while none of their children fails.

    A failing client span that no server answered counts for the callee that usually does.
    """
    if table.error is None:
        return
    deepest = _deepest_failures(table, table.error)
    callee = usual_callees(table)
    parents = np.zeros(table.size, dtype=bool)
    parents[table.parent[table.parent >= 0]] = True
    lost = deepest & ~parents & (callee[table.operation] >= 0)
    for number, was, now, failures in _failing(table, split, deepest & ~lost):
        yield _failure_term(table.operations[number], split, (was, now), failures)
    for number, was, now, failures in _failing(table, split, lost):
        owner = table.entities[callee[number]]
        yield _failure_term((owner, table.operations[number][1]), split, (was, now), failures)


def usual_callees(table: SpanTable) -> Ints:
    """Per operation the entity that runs its child where that is another one; -1 where there is none."""
    callee = np.full(len(table.operations), -1)
    child = np.flatnonzero(table.crosses & table.waits[np.maximum(table.parent, 0)])
    callee[table.operation[table.parent[child]]] = table.entity[child]
    return callee


def _failing(table: SpanTable, split: Split, failed: Mask) -> Iterator[tuple[int, float, float, float]]:
    size = len(table.operations)
    earlier = grouped(table.operation, failed.astype(np.float64), split.before, size)
    later = grouped(table.operation, failed.astype(np.float64), split.after, size)
    for number in range(size):
        new = later.pick(number)
        was = float(earlier.pick(number).mean()) if earlier.count(number) else 0.0
        if new.size and new.mean() - was > _FEW_FAILURES:
            yield number, was, float(new.mean()), float(new.sum())


def _failure_term(owner: tuple[str, str], split: Split, shares: tuple[float, float], failures: float) -> Term:
    weight = np.sqrt(min(1.0, failures / max(split.requests_after, 1)))
    return Term(
        name="failing_calls",
        modality=Modality.SPANS,
        entity=owner[0],
        subject=owner[1],
        points=float(np.sqrt(shares[1] - shares[0]) * weight),
        before=shares[0],
        after=shares[1],
        before_window=split.earlier,
        after_window=split.later,
        statistic="share",
        unit="failed/call",
    )


_FEW_FAILURES = 0.02


def unanswered_terms(table: SpanTable, split: Split) -> Iterator[Term]:
    """Unanswered calls: client operations whose server span went missing: the callee does not take them."""
    size = len(table.operations)
    answered = np.zeros(table.size)
    answered[table.parent[table.crosses]] = 1.0
    callee = usual_callees(table)
    inner = (table.parent >= 0) & ~table.crosses
    earlier = grouped(table.operation, answered, inner & split.before, size)
    later = grouped(table.operation, answered, inner & split.after, size)
    for number in np.flatnonzero(callee >= 0).tolist():
        old, new = earlier.pick(number), later.pick(number)
        if min(old.size, new.size) < _ENOUGH or old.mean() < _MOSTLY:
            continue
        lost = share_fall(int(old.sum()), old.size, int(new.sum()), new.size)
        weight = np.sqrt(min(1.0, new.size / max(split.requests_after, 1)))
        if lost > 0:
            yield Term(
                name="unanswered_calls",
                modality=Modality.SPANS,
                entity=table.entities[callee[number]],
                subject=table.operations[number][1],
                points=float(lost * weight),
                before=float(old.mean()),
                after=float(new.mean()),
                before_window=split.earlier,
                after_window=split.later,
                statistic="share",
                unit="answered",
            )


_MOSTLY = 0.8


def _deepest_failures(table: SpanTable, failed: Mask) -> Mask:
    """Failures that no child explains; a child that ends after its caller gave up is no explanation."""
    up = np.maximum(table.parent, 0)
    abandoned = failed & table.crosses & failed[up] & (table.duration_ms[up] < table.duration_ms)
    own = failed & ~abandoned
    inner = np.zeros(table.size, dtype=bool)
    inner[table.parent[(table.parent >= 0) & own]] = True
    return own & ~inner


def structure_terms(table: SpanTable, split: Split) -> Iterator[Term]:
    """Structure: a child call that its parent operation made before is made less often, or a new one appears.

    The loss is shared by the operation that breaks off and the callee of the last call it still makes.
    """
    size = len(table.operations)
    child = np.flatnonzero((table.parent >= 0) & ~(table.crosses & table.waits[np.maximum(table.parent, 0)]))
    pair = table.operation[table.parent[child]] * size + table.operation[child]
    kinds, index = np.unique(pair, return_inverse=True)
    parents_old = np.bincount(table.operation[split.before], minlength=size)
    parents_new = np.bincount(table.operation[split.after], minlength=size)
    calls_old = np.bincount(index[split.before[child]], minlength=kinds.size)
    calls_new = np.bincount(index[split.after[child]], minlength=kinds.size)
    requests = max(split.requests_after, 1)
    for number, code in enumerate(kinds):
        up, down = int(code // size), int(code % size)
        if min(parents_old[up], parents_new[up]) < _ENOUGH:
            continue
        old, new = calls_old[number] / parents_old[up], calls_new[number] / parents_new[up]
        strength = _call_change(old, new, parents_old[up], parents_new[up])
        if strength <= 0:
            continue
        weight = np.sqrt(min(1.0, parents_new[up] / requests))
        yield Term(
            name="missing_call" if new < old else "extra_call",
            modality=Modality.SPANS,
            entity=table.operations[up][0],
            subject=f"{table.operations[up][1]} -> {table.operations[down][1]}",
            points=float(strength * weight),
            before=float(old),
            after=float(new),
            before_window=split.earlier,
            after_window=split.later,
            statistic="share",
            unit="calls/parent",
        )


def _call_change(old: float, new: float, count_old: int, count_new: int) -> float:
    top = max(old, new)
    noise = np.sqrt(max(old, 0.02) / count_old + max(new, 0.02) / count_new)
    change = abs(new - old) - 2 * noise
    return float(np.clip(change / max(top, 1e-9), 0.0, 1.0)) if change > 0 else 0.0


def calm_entities(table: SpanTable, split: Split) -> frozenset[str]:
    """Entities whose served calls, well covered on both sides, took no longer after the onset."""
    served = (table.parent < 0) | table.crosses
    size = len(table.operations)
    earlier = grouped(table.operation, table.duration_ms, served & split.before, size)
    later = grouped(table.operation, table.duration_ms, served & split.after, size)
    covered: dict[str, int] = {}
    slower: set[str] = set()
    for number, (entity, _) in enumerate(table.operations):
        old, new = earlier.pick(number), later.pick(number)
        if min(old.size, new.size) < _ENOUGH:
            continue
        covered[entity] = covered.get(entity, 0) + min(old.size, new.size)
        if any(rise(old, new, share, split.typical_ms, 1.0) > 0 for share in (0.5, 0.75)):
            slower.add(entity)
    return frozenset(entity for entity, count in covered.items() if count >= _COVERED) - slower


_COVERED = 10
