"""What this system scores when nothing is wrong: the same ranking on earlier stretches of its history."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from autoheal.diagnosis.metric_evidence import metric_shifts, metric_terms
from autoheal.diagnosis.rank import ranked, weighed
from autoheal.diagnosis.series import SeriesMatrix

_STRETCHES = 7
_LEAST_HISTORY = 6


def noise_floor(series: SeriesMatrix, *, onset: float, end: float, alert_entity: str | None) -> float:
    """The median of the best metric scores at up to three pretended onsets; 0 where history is too short."""
    if not series.entities:
        return 0.0
    series = _sampled(series)
    length = max(end - onset, 3 * series.step)
    scores = []
    for place in range(_STRETCHES):
        stop = onset - place * length - series.step / 2
        begin = stop - length
        if np.median((series.times < begin).sum(axis=1)) < _LEAST_HISTORY:
            break
        seen = series.times <= stop
        earlier = replace(
            series,
            times=np.where(seen, series.times, np.nan),
            values=np.where(seen, series.values, np.nan),
        )
        rows = ranked(weighed(metric_terms(metric_shifts(earlier, onset=begin), alert_entity)))
        scores.append(rows[0][1] if rows else 0.0)
    return float(np.median(scores)) if scores else 0.0


_SERIES = 1_000
_SAMPLES = 360


def _sampled(series: SeriesMatrix) -> SeriesMatrix:
    """Every so many entities and the latest samples: about a thousand series of six hours by the minute."""
    stride = -(-len(series.entities) // _SERIES)
    if stride == 1 and series.times.shape[1] <= _SAMPLES:
        return series
    chosen = set(sorted(set(series.entities))[::stride])
    kept = np.flatnonzero([entity in chosen for entity in series.entities])
    return replace(
        series,
        entities=tuple(series.entities[row] for row in kept),
        metrics=tuple(series.metrics[row] for row in kept),
        meanings=tuple(series.meanings[row] for row in kept),
        times=series.times[kept, -_SAMPLES:],
        values=series.values[kept, -_SAMPLES:],
    )
