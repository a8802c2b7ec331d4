"""How much traffic an entity has beside the others: a trickle's latency and errors say little."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from autoheal.diagnosis.kinds import Kind
from autoheal.diagnosis.series import Floats, SeriesMatrix, masked_quantile

_LEAST = 0.1
_FAMILY = 3
_TRICKLE = 1.0
_BUSY = 0.9


def entity_volumes(series: SeriesMatrix, *, since: float | None = None) -> dict[str, float]:
    """Per entity with a load metric that three or more share: from 0.1 (idle) to 1 (as the busiest tenth).

    since limits the look to samples from that moment on, where there are any.
    """
    level = _levels(series, since)
    by_metric: dict[str, list[int]] = defaultdict(list)
    for place, meaning in enumerate(series.meanings):
        if meaning.kind is Kind.LOAD and not meaning.objective:
            by_metric[series.metrics[place]].append(place)
    best: dict[str, float] = {}
    for places in by_metric.values():
        busy = float(np.quantile(level[places], _BUSY))
        if len(places) < _FAMILY or busy <= 0:
            continue
        for place in places:
            share = float(np.sqrt(max(level[place], 0.0) / (_TRICKLE * busy)))
            entity = series.entities[place]
            best[entity] = max(best.get(entity, _LEAST), min(share, 1.0))
    return best


def _levels(series: SeriesMatrix, since: float | None) -> Floats:
    present = np.isfinite(series.values)
    whole = np.nan_to_num(masked_quantile(series.values, present, 0.75))
    if since is None:
        return whole
    later = masked_quantile(series.values, present & (series.times >= since), 0.5)
    return np.where(np.isfinite(later), later, whole)
