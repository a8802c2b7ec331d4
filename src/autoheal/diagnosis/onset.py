"""When the fault began: the start of the last stretch before the alert in which many series are unusual."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autoheal.diagnosis.kinds import Kind
from autoheal.diagnosis.series import Floats, SeriesMatrix, masked_median, masked_quantile
from autoheal.diagnosis.volume import entity_volumes

_TELLING = frozenset(Kind) - {Kind.OTHER}
_TOP = 8
_TOP_SHARE = 0.15
_ALONE = 1
_LONG = 30
_CLIP = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Onset:
    """The estimated start in unix seconds; strength is the worth of that moment, 0 where it is only usual."""

    time: float
    strength: float
    resolution: float


def find_onset(series: SeriesMatrix, *, alert_time: float, not_before: float | None = None) -> Onset:
    """The onset read from metrics, or the usual time before the alert where nothing tells it better."""
    if not series.entities:
        return Onset(time=max(alert_time - _USUAL_DELAY, not_before or -np.inf), strength=0.0, resolution=0.0)
    step = series.step or 1.0
    usual_delay = _usual_delay(alert_time - float(np.nanmin(series.times)), step)
    usual = Onset(time=max(alert_time - usual_delay, not_before or -np.inf), strength=0.0, resolution=step)
    slots, ordered = _unusual_by_slot(series, step)
    near = slots >= alert_time - max(_FARTHEST, _FARTHEST_STEPS * step)
    if near.sum() < len("four"):
        return usual
    broad = min(max(round(_TOP_SHARE * len(set(series.entities))), 1), _TOP)
    within = (not_before or -np.inf, alert_time)
    found = [
        _most_likely(slots[near], ordered[:top, near].mean(axis=0), within, usual)
        for top in sorted({broad, _ALONE if near.sum() >= _LONG else broad}, reverse=True)
    ]
    return max(found, key=lambda onset: onset.strength)


_USUAL_DELAY = 165.0
_USUAL_SHARE = 0.6
_FARTHEST = 3600.0
_FARTHEST_STEPS = 240.0
_PRIOR = 2.0
_TRUST = 0.15
_CLEAR = 2.0


def _usual_delay(history: float, step: float) -> float:
    """How long before the alert a fault usually begins: too early costs little, too late hides it."""
    return max(min(_USUAL_DELAY, _USUAL_SHARE * history), step / 2)


def _most_likely(slots: Floats, unusual: Floats, within: tuple[float, float], usual: Onset) -> Onset:
    """The moment inside the bounds from which the summed excess is largest, less what its distance costs."""
    earliest, alert_time = within
    step = usual.resolution
    calm = unusual[: max(unusual.size // 2, 1)]
    level = float(np.median(calm))
    spread = float(np.median(np.abs(calm - level)))
    excess = np.clip((unusual - level) / (spread + _QUIET) - _CALM, -_CALM, _CALM * 2)
    gain = np.cumsum(excess[::-1])[::-1]
    delay = np.maximum(alert_time - slots, step / 2)
    worth = _TRUST * gain - _PRIOR * np.abs(np.log(delay / max(alert_time - usual.time, step / 2)))
    worth[(slots > alert_time) | (slots < earliest)] = -np.inf
    best = int(np.argmax(worth)) if np.isfinite(worth).any() else 0
    if worth[best] < _CLEAR:
        return usual
    return Onset(time=float(slots[best]) - step / 4, strength=float(worth[best]), resolution=step)


_QUIET = 0.3
_CALM = 2.0


def _unusual_by_slot(series: SeriesMatrix, step: float) -> tuple[Floats, Floats]:
    """Per moment (one step wide) the deviations of all entities, largest first: (entity, moment)."""
    telling = np.array([meaning.kind in _TELLING for meaning in series.meanings])
    times, values = series.times[telling], series.values[telling]
    volumes = entity_volumes(series)
    heard = np.array([volumes.get(name, 1.0) for name in series.entities])[telling]
    deviation = _deviation(values) * heard[:, None]
    present = np.isfinite(deviation)
    origin = float(np.nanmin(times))
    slot = np.where(present, np.floor((times - origin) / step + _EDGE), 0).astype(np.intp)
    names = {name: index for index, name in enumerate(dict.fromkeys(series.entities))}
    owner = np.array([names[name] for name, keep in zip(series.entities, telling, strict=True) if keep])
    width = int(slot.max()) + 1
    board = np.zeros((len(names), width))
    rows = np.broadcast_to(owner[:, None], slot.shape)
    np.maximum.at(board, (rows[present], slot[present]), deviation[present])
    seen = np.zeros(width, dtype=bool)
    seen[slot[present]] = True
    moments = np.asarray(origin + np.flatnonzero(seen) * step, dtype=np.float64)
    return moments, -np.sort(-board[:, seen], axis=0)[:_TOP]


_EDGE = 1e-6


def _deviation(values: Floats) -> Floats:
    """How far each sample is from the earlier half's median, in its spreads: a late regime must not hide."""
    present = np.isfinite(values)
    early = present & (np.cumsum(present, axis=1) <= (present.sum(axis=1, keepdims=True) + 1) // 2)
    middle = masked_median(values, early)[:, None]
    off = np.abs(values - middle)
    spread = np.maximum(masked_median(off, early), masked_quantile(off, early, 0.9) / 2)[:, None]
    level = np.maximum(np.abs(middle) * 0.05, 1e-9)
    return np.clip(off / (spread * 1.5 + level), 0, _CLIP)
