"""Metrics as evidence: how far each series moved after the onset, against its own past and its family."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from autoheal.diagnosis.finding import Modality, Term, Window
from autoheal.diagnosis.kinds import Kind, Meaning
from autoheal.diagnosis.series import (
    Floats,
    Mask,
    SeriesMatrix,
    masked_median,
    masked_quantile,
    rolling_median,
)
from autoheal.diagnosis.volume import entity_volumes

KIND_WEIGHTS: Mapping[Kind, float] = MappingProxyType(
    {
        Kind.CRASH: 1.6,
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

_OUTGOING = 0.3
_OUTGOING_ERRORS = 0.7
_GIVEN_UP = 0.4
_FALL_WEIGHT = 0.15
_LOAD_FALL_WEIGHT = 0.6
_STRENGTH_FULL = 3.0
_LEAST = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricTuning:
    """The few constants of the change score; shares are of the level, widths in samples."""

    wobble: float = 0.5
    spread: float = 1.2
    level: float = 0.05
    family: float = 0.02
    floor: float = 1e-9


TUNING = MetricTuning()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One series' move: bad where it hurts; strength and materiality in [0, 1.5]; medians of the raw rows."""

    entity: str
    metric: str
    meaning: Meaning
    bad: bool
    strength: float
    materiality: float
    before: float
    after: float
    before_window: Window
    after_window: Window

    @property
    def points(self) -> float:
        """The worth of the move alone, before falling weights within its kind."""
        weight = KIND_WEIGHTS[self.meaning.kind] * _end_weight(self.meaning)
        if not self.bad:
            load = self.meaning.kind in {Kind.LOAD, Kind.NETWORK}
            weight *= _LOAD_FALL_WEIGHT if load else _FALL_WEIGHT
        return weight * self.strength * self.materiality


def _end_weight(meaning: Meaning) -> float:
    """Less for what the other end of a call did: a caller's view of its callees, a caller that gave up."""
    if meaning.given_up:
        return _GIVEN_UP
    return (
        {Kind.LATENCY: _OUTGOING, Kind.ERROR: _OUTGOING_ERRORS}.get(meaning.kind, 1.0)
        if meaning.outgoing
        else 1.0
    )


def metric_shifts(series: SeriesMatrix, *, onset: float, tuning: MetricTuning | None = None) -> list[Shift]:
    """Every series that has samples before and after the onset, with how far it moved."""
    if not series.entities:
        return []
    tuning = tuning or TUNING
    before, after = series.times < onset, series.times >= onset
    ceiling = _ceilings(series)
    values = _up_is_bad(series, ceiling)
    volume = _volumes(series, onset)
    middle = masked_median(values, before)
    recent = _recent(values, before)
    width = _sustain_width(after)
    smooth = rolling_median(values, width)
    settled = _settled(after, width)
    high, low = _row_max(smooth, settled), -_row_max(-smooth, settled)
    family = _family_levels(series, middle, masked_median(values, after), volume, ceiling)
    scale = _scale(values, before, middle, family, tuning)
    rise = np.minimum(high - middle, high - recent)
    fall = np.minimum(middle - low, recent - low)
    up = rise >= fall
    moved = np.where(up, rise, fall)
    size = moved / scale
    strength = np.minimum(np.log1p(np.maximum(size, 0.0)) / _STRENGTH_FULL, 1.5)
    material = np.sqrt(np.clip(moved / np.maximum(family, tuning.floor), 0.0, 1.0)) * volume
    earlier, later = masked_median(series.values, before), masked_median(series.values, after)
    return [
        Shift(
            entity=series.entities[i],
            metric=series.metrics[i],
            meaning=series.meanings[i],
            bad=bool(up[i]),
            strength=float(strength[i]),
            materiality=float(material[i]),
            before=float(earlier[i]),
            after=float(later[i]),
            before_window=_span_of(series.times[i][before[i]]),
            after_window=_span_of(series.times[i][after[i]]),
        )
        for i in np.flatnonzero(np.isfinite(size) & (size > _LEAST))
    ]


def _span_of(times: Floats) -> Window:
    return Window(start=float(times[0]), end=float(times[-1]))


def _ceilings(series: SeriesMatrix) -> Floats:
    """What a share's full value is: from the name, else 1 or 100 where a success share never passes it."""
    top: dict[str, float] = defaultdict(float)
    peaks = np.nan_to_num(_row_max(series.values, np.isfinite(series.values))).tolist()
    for metric, peak in zip(series.metrics, peaks, strict=True):
        top[metric] = max(top[metric], peak)
    found = []
    for metric, meaning in zip(series.metrics, series.meanings, strict=True):
        guess = next((full for full in _FULL_SHARES if top[metric] <= full), 0.0)
        wanted = meaning.kind is Kind.ERROR and meaning.falling_is_bad
        found.append(meaning.ceiling or (guess if wanted else 0.0))
    return np.array(found)


_FULL_SHARES = (1.0, 100.0)


def _up_is_bad(series: SeriesMatrix, ceiling: Floats) -> Floats:
    """Values turned so that a rise hurts: success becomes failure, what must stay up is negated.

    Start times and restart counts are read from their first sample on: their level says nothing.
    """
    falling = np.array([meaning.falling_is_bad for meaning in series.meanings])[:, None]
    turned = np.where(falling, ceiling[:, None] - series.values, series.values)
    counted = np.array([meaning.kind is Kind.CRASH for meaning in series.meanings])[:, None] & ~falling
    return np.where(counted, turned - turned[:, :1], turned)


def _recent(values: Floats, before: Mask) -> Floats:
    """The median of the last three samples before the onset: a regime that began earlier is no symptom."""
    last = np.cumsum(before[:, ::-1], axis=1)[:, ::-1]
    return masked_median(values, before & (last <= _RECENT) & np.isfinite(values))


_RECENT = 3


def _sustain_width(after: Mask) -> int:
    count = int(np.median(after.sum(axis=1)))
    return 1 if count < _SUSTAINED else _SUSTAINED


_SUSTAINED = 3


def _settled(after: Mask, width: int) -> Mask:
    """Samples whose rolling window lies wholly after the onset, where there are any."""
    inside = after & (np.cumsum(after, axis=1) >= width)
    none = ~inside.any(axis=1)
    inside[none] = after[none]
    return inside


def _row_max(values: Floats, mask: Mask) -> Floats:
    found = np.where(mask & np.isfinite(values), values, -np.inf).max(axis=1)
    return np.where(np.isfinite(found), found, np.nan)


def _volumes(series: SeriesMatrix, onset: float) -> Floats:
    by_entity = entity_volumes(series, since=onset)
    return np.array(
        [
            by_entity.get(entity, 1.0) if meaning.kind in SYMPTOMS else 1.0
            for entity, meaning in zip(series.entities, series.meanings, strict=True)
        ]
    )


def _scale(values: Floats, before: Mask, middle: Floats, family: Floats, tuning: MetricTuning) -> Floats:
    spread = 1.4826 * masked_median(np.abs(values - middle[:, None]), before)
    smooth = rolling_median(values, 3)
    wobble = masked_quantile(np.abs(smooth - middle[:, None]), before & np.isfinite(smooth), 0.9)
    return (
        tuning.spread * np.nan_to_num(spread)
        + tuning.wobble * np.nan_to_num(wobble)
        + tuning.level * np.abs(np.nan_to_num(middle))
        + tuning.family * family
        + tuning.floor
    )


def _family_levels(
    series: SeriesMatrix, middle: Floats, later: Floats, volume: Floats, ceiling: Floats
) -> Floats:
    """Per series the largest level of its metric anywhere, by volume; a tenth of the ceiling for errors."""
    best: dict[str, float] = defaultdict(float)
    levels = np.fmax(np.abs(np.nan_to_num(middle)), np.abs(np.nan_to_num(later))) * volume
    for metric, level in zip(series.metrics, levels, strict=True):
        name = _family_name(metric)
        best[name] = max(best[name], float(level))
    found = np.array([best[_family_name(metric)] for metric in series.metrics])
    shares = np.array([meaning.kind is Kind.ERROR for meaning in series.meanings]) & (ceiling > 0)
    return np.where(shares, _ERROR_FULL * ceiling, found)


_ERROR_FULL = 0.1


def _family_name(metric: str) -> str:
    return metric.split("{", 1)[0]


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


def shown(shifts: list[Shift], alert_entity: str | None, kinds: Collection[Kind]) -> dict[Kind, float]:
    """How strongly the alerted entity, its service levels included, shows each of these kinds."""
    strength = dict.fromkeys(sorted(kinds), 0.0)
    for shift in shifts:
        kind = shift.meaning.kind
        if shift.entity == alert_entity and shift.bad and kind in strength and not shift.meaning.outgoing:
            strength[kind] = max(strength[kind], shift.strength * min(shift.materiality, 1.0))
    return strength


def asked_kinds(strength: Mapping[Kind, float]) -> dict[Kind, float]:
    """How much each kind of symptom counts: in full what the alerted entity shows, less what it does not."""
    most = max(strength.values())
    if most < _SHOWN:
        return dict.fromkeys(strength, 1.0)
    return {kind: _UNASKED + (1 - _UNASKED) * level / most for kind, level in strength.items()}


_SHOWN = 0.1
_UNASKED = 0.4


def metric_terms(shifts: list[Shift], alert_entity: str | None = None) -> Iterator[Term]:
    """One term per entity and kind of metric."""
    asked = asked_kinds(shown(shifts, alert_entity, SYMPTOMS))
    for shift in best_by_kind(shifts):
        weight = asked.get(shift.meaning.kind, 1.0) * (_NODE if shift.meaning.node else 1.0)
        yield Term(
            name=f"{shift.meaning.kind}_shift",
            modality=Modality.METRICS,
            entity=shift.entity,
            subject=shift.metric,
            points=shift.points * weight,
            before=shift.before,
            after=shift.after,
            before_window=shift.before_window,
            after_window=shift.after_window,
            unit=shift.meaning.unit,
        )


_NODE = 0.5
