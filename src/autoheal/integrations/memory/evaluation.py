"""Evaluates a PromQL tree at one instant over series in memory, as Prometheus would."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from statistics import fmean
from types import MappingProxyType

from autoheal.integrations.memory.promql import (
    COMPARISONS,
    Aggregation,
    Binary,
    Call,
    Matcher,
    Node,
    Number,
    Selector,
)

LOOKBACK = 300.0
"""Seconds for which a sample counts as current (Prometheus' default)."""
Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One time series: its labels with __name__, and its samples (unix seconds, value) in time order.

    A NaN says that the series ended there, as a staleness marker does.
    """

    labels: Mapping[str, str]
    samples: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One value of a result, with the time at which it was measured."""

    labels: Labels
    value: float
    time: float


Value = float | list[Sample]


Chosen = dict[Selector, list[tuple[Labels, Sequence[tuple[float, float]]]]]
"""The series that each selector asks for, found once and kept over the instants of a range."""


def evaluate(tree: Node, series: Sequence[Series], at: float, chosen: Chosen | None = None) -> Value:
    """The value at an instant; raises ValueError for what is not understood."""
    return _Instant(series, at, {} if chosen is None else chosen).of(tree)


@lru_cache(maxsize=16_384)
def without_name(labels: Labels) -> Labels:
    """The labels that name the source and not the metric."""
    return frozenset(pair for pair in labels if pair[0] != "__name__")


class _Instant:
    def __init__(self, series: Sequence[Series], at: float, chosen: Chosen) -> None:
        self._series = series
        self._at = at
        self._chosen = chosen

    def of(self, node: Node) -> Value:
        match node:
            case Number():
                return node.value
            case Selector():
                return self._current(node)
            case Call():
                return self._call(node)
            case Aggregation():
                return _aggregated(node, self._vector(node.of))
            case Binary():
                return _joined(node, self.of(node.left), self.of(node.right))

    def _vector(self, node: Node) -> list[Sample]:
        value = self.of(node)
        if isinstance(value, float | int):
            raise ValueError("a series is expected where a number is given")  # noqa: TRY004  a query's fault
        return value

    def _selected(self, node: Selector, window: float) -> list[tuple[Labels, Window]]:
        if node not in self._chosen:
            self._chosen[node] = [
                (frozenset(series.labels.items()), series.samples)
                for series in self._series
                if all(matcher.holds(series.labels) for matcher in node.matchers)
            ]
        found = []
        for labels, samples in self._chosen[node]:
            first = bisect_left(samples, (self._at - window,))
            inside = samples[first : bisect_right(samples, (self._at, math.inf))]
            if inside:
                found.append((labels, inside))
        return found

    def _current(self, node: Selector) -> list[Sample]:
        if node.window is not None:
            raise ValueError("a window needs a function such as rate()")
        current = [(labels, inside[-1]) for labels, inside in self._selected(node, LOOKBACK)]
        return [
            Sample(labels=labels, time=time, value=value)
            for labels, (time, value) in current
            if not math.isnan(value)
        ]

    def _call(self, node: Call) -> Value:
        name, arguments = node.function, node.arguments
        if name in _OVER_TIME and len(arguments) == 1:
            return self._over_time(name, arguments[0])
        if name == "histogram_quantile" and len(arguments) == 2:  # noqa: PLR2004  quantile and buckets
            return _quantiles(self.of(arguments[0]), self._vector(arguments[1]))
        if name == "timestamp" and len(arguments) == 1:
            return [_named(sample, sample.time) for sample in self._vector(arguments[0])]
        if name == "absent" and len(arguments) == 1:
            return self._absent(arguments[0])
        if name == "vector" and len(arguments) == 1 and isinstance(number := self.of(arguments[0]), float):
            return [Sample(labels=frozenset(), value=number, time=self._at)]
        if name == "time" and not arguments:
            return self._at
        raise ValueError(f"function {name}() with {len(arguments)} arguments is not understood")

    def _over_time(self, name: str, argument: Node) -> list[Sample]:
        if not isinstance(argument, Selector) or argument.window is None:
            raise ValueError(f"{name}() needs a window such as [1m]")
        found = []
        for labels, samples in self._selected(argument, argument.window):
            inside = [sample for sample in samples if not math.isnan(sample[1])]
            value = _OVER_TIME[name](inside, self._at - argument.window, self._at) if inside else None
            if value is not None:
                found.append(Sample(labels=without_name(labels), value=value, time=self._at))
        return found

    def _absent(self, argument: Node) -> list[Sample]:
        if self._vector(argument):
            return []
        equal: tuple[Matcher, ...] = ()
        if isinstance(argument, Selector):
            equal = tuple(m for m in argument.matchers if m.operator == "=" and m.label != "__name__")
        return [Sample(labels=frozenset((m.label, m.value) for m in equal), value=1.0, time=self._at)]


Window = Sequence[tuple[float, float]]


def _increase(samples: Window, start: float, end: float) -> float | None:
    """The extrapolated increase of a counter (extrapolatedRate in Prometheus' promql/functions.go)."""
    if len(samples) < 2:  # noqa: PLR2004  an increase lies between two samples
        return None
    grown = sum(after if after < before else after - before for (_, before), (_, after) in pairwise(samples))
    first, last = samples[0], samples[-1]
    sampled = last[0] - first[0]
    apart = sampled / (len(samples) - 1)
    to_start, to_end = first[0] - start, end - last[0]
    if grown > 0 and first[1] >= 0:
        to_start = min(to_start, sampled * first[1] / grown)
    reach = sampled
    for gap in (to_start, to_end):
        reach += gap if gap < apart * 1.1 else apart / 2
    return grown * reach / sampled


def _rate(samples: Window, start: float, end: float) -> float | None:
    grown = _increase(samples, start, end)
    return None if grown is None else grown / (end - start)


def _values(summary: Callable[[list[float]], float]) -> Callable[[Window, float, float], float | None]:
    return lambda samples, _start, _end: summary([value for _, value in samples])


_OVER_TIME: Mapping[str, Callable[[Window, float, float], float | None]] = MappingProxyType(
    {
        "rate": _rate,
        "increase": _increase,
        "max_over_time": _values(max),
        "min_over_time": _values(min),
        "avg_over_time": _values(fmean),
        "sum_over_time": _values(math.fsum),
        "last_over_time": _values(lambda values: values[-1]),
        "count_over_time": _values(lambda values: float(len(values))),
        "present_over_time": _values(lambda _: 1.0),
    }
)
_AGGREGATE: Mapping[str, Callable[[list[float]], float]] = MappingProxyType(
    {
        "sum": math.fsum,
        "min": min,
        "max": max,
        "avg": fmean,
        "count": lambda values: float(len(values)),
        "group": lambda _: 1.0,
    }
)


def _aggregated(node: Aggregation, samples: list[Sample]) -> list[Sample]:
    groups: dict[Labels, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(_kept(sample.labels, node.labels, node.without), []).append(sample)
    aggregate = _AGGREGATE[node.operator]
    return [
        Sample(labels=key, value=aggregate([s.value for s in members]), time=members[-1].time)
        for key, members in groups.items()
    ]


@lru_cache(maxsize=16_384)
def _kept(labels: Labels, names: tuple[str, ...], without: bool) -> Labels:  # noqa: FBT001  the tree's own flag
    if without:
        return frozenset(pair for pair in without_name(labels) if pair[0] not in names)
    return frozenset(pair for pair in labels if pair[0] in names)


def _quantiles(quantile: Value, buckets: list[Sample]) -> list[Sample]:
    if not isinstance(quantile, float):
        raise ValueError("histogram_quantile() needs a number first")  # noqa: TRY004  a query's fault
    groups: dict[Labels, list[tuple[float, float]]] = {}
    for bucket in buckets:
        bound = dict(bucket.labels).get("le")
        if bound is not None:
            key = frozenset(pair for pair in without_name(bucket.labels) if pair[0] != "le")
            groups.setdefault(key, []).append((float(bound), bucket.value))
    time = buckets[0].time if buckets else 0.0
    return [
        Sample(labels=key, value=_quantile(quantile, sorted(bounds)), time=time)
        for key, bounds in groups.items()
    ]


def _quantile(quantile: float, bounds: list[tuple[float, float]]) -> float:
    total = bounds[-1][1]
    if not math.isinf(bounds[-1][0]) or total == 0 or len(bounds) == 1:
        return math.nan
    rank = quantile * total
    at = next(index for index, (_, count) in enumerate(bounds) if count >= rank)
    if at == len(bounds) - 1:
        return bounds[-2][0]
    below, under = bounds[at - 1] if at else (0.0, 0.0)
    bound, count = bounds[at]
    return bound if count == under else below + (bound - below) * (rank - under) / (count - under)


def _divided(left: float, right: float) -> float:
    if right:
        return left / right
    return math.nan if left == 0 or math.isnan(left) else math.copysign(math.inf, left)


_ARITHMETIC: Mapping[str, Callable[[float, float], float]] = MappingProxyType(
    {
        "+": lambda left, right: left + right,
        "-": lambda left, right: left - right,
        "*": lambda left, right: left * right,
        "/": _divided,
        "%": lambda left, right: math.fmod(left, right) if right else math.nan,
        "==": lambda left, right: float(left == right),
        "!=": lambda left, right: float(left != right),
        "<": lambda left, right: float(left < right),
        ">": lambda left, right: float(left > right),
        "<=": lambda left, right: float(left <= right),
        ">=": lambda left, right: float(left >= right),
    }
)


def _joined(node: Binary, left: Value, right: Value) -> Value:
    if node.operator in ("or", "and", "unless"):
        return _set(node, left, right)
    if not isinstance(left, list) and not isinstance(right, list):
        return _ARITHMETIC[node.operator](left, right)
    return [found for pair in _pairs(node, left, right) if (found := _combined(node, *pair)) is not None]


def _combined(node: Binary, kept: Sample, left: float, right: float) -> Sample | None:
    value = _ARITHMETIC[node.operator](left, right)
    if node.operator in COMPARISONS and not node.as_bool:
        return kept if value else None
    return _named(kept, value)


def _named(sample: Sample, value: float) -> Sample:
    return replace(sample, labels=without_name(sample.labels), value=value)


def _pairs(node: Binary, left: Value, right: Value) -> list[tuple[Sample, float, float]]:
    if not isinstance(left, list):
        return [(s, left, s.value) for s in right] if isinstance(right, list) else []
    if not isinstance(right, list):
        return [(s, s.value, right) for s in left]
    others = {_key(node, sample): sample.value for sample in right}
    keyed = ((s, _key(node, s)) for s in left)
    return [(s, s.value, others[key]) for s, key in keyed if key in others]


def _key(node: Binary, sample: Sample) -> Labels:
    if node.on is None:
        return without_name(sample.labels)
    return frozenset(pair for pair in sample.labels if pair[0] in node.on)


def _set(node: Binary, left: Value, right: Value) -> list[Sample]:
    if not isinstance(left, list) or not isinstance(right, list):
        raise ValueError(f"{node.operator} joins series, not numbers")  # noqa: TRY004  a query's fault
    if node.operator == "or":
        there = {_key(node, sample) for sample in left}
        return [*left, *(sample for sample in right if _key(node, sample) not in there)]
    there = {_key(node, sample) for sample in right}
    return [sample for sample in left if (_key(node, sample) in there) is (node.operator == "and")]
