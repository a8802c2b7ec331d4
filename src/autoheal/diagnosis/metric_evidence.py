"""Metrics as evidence: how far each series moved after the onset, against its own past and its family."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from autoheal.diagnosis.finding import Modality, Term, Window
from autoheal.diagnosis.kinds import Kind, Meaning
from autoheal.diagnosis.series import (
    Floats,
    SeriesMatrix,
    masked_median,
    masked_quantile,
    rolling_median,
)

KIND_WEIGHTS: Mapping[Kind, float] = MappingProxyType(
    {
        Kind.CRASH: 1.2,
        Kind.ERROR: 1.0,
        Kind.LATENCY: 1.0,
        Kind.CPU: 0.8,
        Kind.THROTTLING: 0.9,
        Kind.MEMORY: 0.7,
        Kind.SATURATION: 0.8,
        Kind.QUEUE: 0.8,
        Kind.LOCK: 1.0,
        Kind.DISK: 0.5,
        Kind.NETWORK: 0.3,
        Kind.LOAD: 0.3,
        Kind.OTHER: 0.3,
    }
)
"""What a full change of one kind is worth; symptoms of requests and of death count most."""

SYMPTOMS = frozenset({Kind.ERROR, Kind.LATENCY})
"""Kinds that travel along calls, so that a callee can explain a caller's."""

_FALL_WEIGHT = 0.15
_LOAD_FALL_WEIGHT = 0.6
_STRENGTH_FULL = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricTuning:
    """The few constants of the change score; shares are of the level, widths in samples."""

    wobble: float = 0.5
    spread: float = 2.0
    level: float = 0.05
    family: float = 0.02
    floor: float = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One series' move: direction is +1 up, -1 down; strength in [0, 1]; the medians are of the raw rows."""

    entity: str
    metric: str
    meaning: Meaning
    direction: int
    strength: float
    materiality: float
    before: float
    after: float
    before_window: Window
    after_window: Window

    @property
    def bad(self) -> bool:
        """Whether the move is in the direction that hurts."""
        return (self.direction < 0) == self.meaning.falling_is_bad

    @property
    def points(self) -> float:
        """The worth of the move alone, before falling weights within its kind."""
        weight = KIND_WEIGHTS[self.meaning.kind]
        if not self.bad:
            load = self.meaning.kind in {Kind.LOAD, Kind.NETWORK}
            weight *= _LOAD_FALL_WEIGHT if load else _FALL_WEIGHT
        return weight * self.strength * self.materiality


def metric_shifts(
    series: SeriesMatrix, *, onset: float, tuning: MetricTuning = MetricTuning()
) -> list[Shift]:
    """Every series that has samples before and after the onset, with how far it moved."""
    if not series.entities:
        return []
    before, after = series.times < onset, series.times >= onset
    middle = masked_median(series.values, before)
    later = masked_median(series.values, after)
    width = _sustain_width(after)
    smooth = rolling_median(series.values, width)
    high = _row_max(smooth, _settled(after, width))
    low = -_row_max(-smooth, _settled(after, width))
    family = _family_levels(series, middle, later)
    scale = _scale(series, before, middle, family, tuning)
    up, down = (high - middle) / scale, (middle - low) / scale
    rise = up >= down
    size = np.where(rise, up, down)
    moved = np.where(rise, high - middle, middle - low)
    strength = np.log1p(np.maximum(size, 0.0)) / _STRENGTH_FULL
    material = np.clip(moved / np.maximum(family, tuning.floor), 0.0, 1.0)
    return [
        Shift(
            entity=series.entities[i],
            metric=series.metrics[i],
            meaning=series.meanings[i],
            direction=1 if rise[i] else -1,
            strength=float(min(strength[i], 1.5)),
            materiality=float(np.sqrt(material[i])),
            before=float(middle[i]),
            after=float(later[i]),
            before_window=Window(
                start=float(np.nanmin(series.times[i])), end=float(np.nanmax(series.times[i][before[i]]))
            ),
            after_window=Window(
                start=float(np.nanmin(series.times[i][after[i]])), end=float(np.nanmax(series.times[i]))
            ),
        )
        for i in np.flatnonzero(np.isfinite(size) & (size > 1.0))
    ]


def _sustain_width(after: np.ndarray) -> int:
    count = int(np.median(after.sum(axis=1)))
    return 1 if count < 3 else 3


def _settled(after: np.ndarray, width: int) -> np.ndarray:
    """Samples whose rolling window lies wholly after the onset, where there are any."""
    inside = after & (np.cumsum(after, axis=1) >= width)
    none = ~inside.any(axis=1)
    inside[none] = after[none]
    return inside


def _row_max(values: Floats, mask: np.ndarray) -> Floats:
    found = np.where(mask & np.isfinite(values), values, -np.inf).max(axis=1)
    return np.where(np.isfinite(found), found, np.nan)


def _scale(
    series: SeriesMatrix, before: np.ndarray, middle: Floats, family: Floats, tuning: MetricTuning
) -> Floats:
    off = np.abs(series.values - middle[:, None])
    spread = 1.4826 * masked_median(off, before)
    smooth = rolling_median(series.values, 3)
    wobble = masked_quantile(np.abs(smooth - middle[:, None]), before & np.isfinite(smooth), 0.9)
    return (
        tuning.spread * np.nan_to_num(spread)
        + tuning.wobble * np.nan_to_num(wobble)
        + tuning.level * np.abs(middle)
        + tuning.family * family
        + tuning.floor
    )


def _family_levels(series: SeriesMatrix, middle: Floats, later: Floats) -> Floats:
    """Per series the largest usual or later level of the same metric anywhere in the system."""
    best: dict[str, float] = defaultdict(float)
    levels = np.fmax(np.abs(np.nan_to_num(middle)), np.abs(np.nan_to_num(later)))
    for metric, level in zip(series.metrics, levels, strict=True):
        name = metric.split("{", 1)[0]
        best[name] = max(best[name], float(level))
    return np.array([best[metric.split("{", 1)[0]] for metric in series.metrics])


def best_by_kind(shifts: list[Shift]) -> Iterator[Shift]:
    """The strongest shift of each entity and kind, except of the service level that was alerted on."""
    best: dict[tuple[str, Kind, bool], Shift] = {}
    for shift in shifts:
        if shift.meaning.objective:
            continue
        key = (shift.entity, shift.meaning.kind, shift.meaning.node)
        if key not in best or shift.points > best[key].points:
            best[key] = shift
    yield from best.values()


def metric_terms(shifts: list[Shift]) -> Iterator[Term]:
    """One term per entity and kind of metric."""
    for shift in best_by_kind(shifts):
        yield Term(
            name=f"{shift.meaning.kind}_shift",
            modality=Modality.METRICS,
            entity=shift.entity,
            subject=shift.metric,
            points=shift.points * (0.5 if shift.meaning.node else 1.0),
            before=shift.before,
            after=shift.after,
            before_window=shift.before_window,
            after_window=shift.after_window,
            unit=shift.meaning.unit,
        )
