"""The wait between both ends of a call: which end's network, and how much it grew."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from autoheal.diagnosis.finding import Modality, Term, Window
from autoheal.diagnosis.kinds import Kind
from autoheal.diagnosis.series import Floats, SeriesMatrix

_FULL = 3.0
_MIDDLE = 0.75
_TAIL_WEIGHT = 0.6
_FEW = 2
_RECENT = 30


_QUICKEST = 0.1
_SPARED = 1 / 3
"""A network that delays, delays every call; where the quickest tenth hardly waits longer, somebody stalls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeGap:
    """The wait between both ends of one call edge, before and after, ascending; points of its rise.

    subject is what measures the whole call, and seen_at the end whose subject it is.
    """

    caller: str
    callee: str
    subject: str
    seen_at: str
    points: float
    old: Floats
    new: Floats

    @property
    def stalls(self) -> bool:
        """Whether the wait spares the quickest calls, as where a process gets too little processor time."""
        usual = float(np.median(self.old))
        least, middle = np.quantile(self.new, (_QUICKEST, 0.5))  # between samples: a few calls are few
        return bool(least - usual < _SPARED * (middle - usual))


def rise(old: Floats, new: Floats, share: float, typical: float, per_request: float) -> float:
    """The points of a quantile's rise beyond its own noise, weighed against the typical request's time."""
    was, now = _quantile(old, share), _quantile(new, share)
    noise = _quantile(old, min(share + 0.2, 0.97)) - was
    change = now - was - noise
    if change <= 0:
        return 0.0
    ratio = np.log1p(change / (was + noise + 0.02 * typical)) / _FULL
    weight = np.sqrt(min(1.0, change * max(per_request, 0.1) / typical))
    return float(min(ratio, 1.5) * weight * (1.0 if share <= _MIDDLE else _TAIL_WEIGHT))


def _quantile(ordered: Floats, share: float) -> float:
    return float(ordered[min(int(share * ordered.size), ordered.size - 1)])


def gap_terms(gaps: Sequence[EdgeGap], modality: Modality, earlier: Window, later: Window) -> Iterator[Term]:
    """Network gap: each edge's growth, shared between its ends by how many of their edges grew.

    It is called a stalling gap where single calls show that the quickest of them are spared.
    """
    outgoing, incoming = _mean_shift(gaps, "caller"), _mean_shift(gaps, "callee")
    for gap in gaps:
        if gap.points <= 0:
            continue
        near = max(outgoing[gap.caller], _both(gap.caller, outgoing, incoming))
        far = max(incoming[gap.callee], _both(gap.callee, outgoing, incoming))
        for entity, share in ((gap.callee, far / (near + far)), (gap.caller, near / (near + far))):
            yield Term(
                name="stalling_gap" if modality is Modality.SPANS and gap.stalls else "network_gap",
                modality=modality,
                entity=entity,
                subject=gap.subject,
                seen_at=gap.seen_at if gap.seen_at != entity else "",
                points=gap.points * min(1.0, 2 * share * share),
                before=float(np.median(gap.old)),
                after=float(np.median(gap.new)),
                before_window=earlier,
                after_window=later,
                unit="ms" if modality is Modality.SPANS else "",
            )


def _mean_shift(gaps: Sequence[EdgeGap], end: str) -> dict[str, float]:
    """Per entity the mean points of its edges at that end, drawn toward nothing where it has few."""
    points: dict[str, list[float]] = defaultdict(list)
    for gap in gaps:
        points[getattr(gap, end)].append(gap.points)
    return {name: (sum(found) + 0.01) / (len(found) + 1.0) for name, found in points.items()}


def _both(entity: str, outgoing: dict[str, float], incoming: dict[str, float]) -> float:
    both = entity in outgoing and entity in incoming
    return (outgoing[entity] + incoming[entity]) / 2 * _TWO_SIDED if both else 0.0


_TWO_SIDED = 1.3
_LABEL = re.compile(r"\{[^=}]+=([^}]*)\}$")


def metric_gap_terms(series: SeriesMatrix, onset: float, known: Container[str]) -> Iterator[Term]:
    """Network gap from metrics: an edge's latency at the client less that at the server, per caller label.

    A label may hold a name under which nothing else is known; what is measured of it tells of the other end.
    """
    gaps = list(_metric_gaps(series, onset))
    if gaps:
        earlier = Window(start=float(np.nanmin(series.times)), end=onset)
        later = Window(start=onset, end=float(np.nanmax(series.times)))
        found = gap_terms(gaps, Modality.METRICS, earlier, later)
        yield from (term for term in found if term.entity in known)


def _metric_gaps(series: SeriesMatrix, onset: float) -> Iterator[EdgeGap]:
    typical = _typical(series, onset)
    for (entity, caller), (client, server) in sorted(_pairs(series).items()):
        times, gap = _difference(series, client, server)
        old, new = np.sort(gap[times < onset][-_RECENT:]), np.sort(gap[times >= onset])
        if min(old.size, new.size) < _FEW:
            continue
        yield EdgeGap(
            caller=caller,
            callee=entity,
            subject=series.metrics[client],
            seen_at=entity,
            points=rise(old, new, 0.5, typical, 1.0),
            old=old,
            new=new,
        )


def _pairs(series: SeriesMatrix) -> dict[tuple[str, str], tuple[int, int]]:
    """The rows of (callee, caller) edges whose latency is measured at both ends under one name."""
    ends: dict[tuple[str, str, str], dict[str, int]] = defaultdict(dict)
    for row, (entity, metric) in enumerate(zip(series.entities, series.metrics, strict=True)):
        label = _LABEL.search(metric)
        if label and series.meanings[row].kind is Kind.LATENCY:
            end = "client" if "client" in metric[: label.start()] else "server"
            stem = re.sub("client|server", "", metric[: label.start()])
            ends[entity, label.group(1), stem][end] = row
    return {key[:2]: (rows["client"], rows["server"]) for key, rows in ends.items() if len(rows) == _FEW}


def _difference(series: SeriesMatrix, client: int, server: int) -> tuple[Floats, Floats]:
    """Times and client less server values, at the samples that both have within half a step."""
    step = max(series.step, 1.0)
    present = np.isfinite(series.values[client])
    times, values = series.times[client][present], series.values[client][present]
    known = np.isfinite(series.values[server])
    theirs, found = series.times[server][known], series.values[server][known]
    if not times.size or not theirs.size:
        return times[:0], values[:0]
    near = np.clip(np.searchsorted(theirs, times - step / 2), 0, theirs.size - 1)
    fits = np.abs(theirs[near] - times) <= step / 2
    return times[fits], np.maximum(values[fits] - found[near][fits], 0.0)


def _typical(series: SeriesMatrix, onset: float) -> float:
    """The median latency of the slowest server by its usual median: what a whole request takes."""
    rows = [
        row
        for row, meaning in enumerate(series.meanings)
        if meaning.kind is Kind.LATENCY and not meaning.outgoing and "{" in series.metrics[row]
    ]
    medians = [np.median(kept) for row in rows if (kept := _before(series, row, onset)).size]
    return max(float(max(medians, default=1.0)), 1e-6)


def _before(series: SeriesMatrix, row: int, onset: float) -> Floats:
    kept: Floats = series.values[row][(series.times[row] < onset) & np.isfinite(series.values[row])]
    return kept
