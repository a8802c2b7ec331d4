"""Two published methods, to compare with: n-sigma and the RobustScorer of BARO.

Source: Pham, Ha, Zhang, BARO: robust root cause analysis for microservices (FSE 2024). Both need the moment
of the fault; as in the shared figures it is taken 240 s before the alert.
"""

from __future__ import annotations

import numpy as np

from autoheal.diagnosis.series import Floats, SeriesMatrix, masked_median, masked_quantile, series_matrix
from autoheal.diagnosis.telemetry import Telemetry

SPLIT_SECONDS = 240.0


def nsigma_ranking(telemetry: Telemetry) -> list[str]:
    """Entities by their largest |value - mean| / standard deviation after the split."""
    series = series_matrix(telemetry.metrics, end=telemetry.end)
    before = (series.times < telemetry.alert_time - SPLIT_SECONDS) & np.isfinite(series.values)
    count = np.maximum(before.sum(axis=1), 1)
    values = np.where(before, series.values, 0.0)
    mean = values.sum(axis=1) / count
    spread = np.sqrt(np.where(before, (series.values - mean[:, None]) ** 2, 0.0).sum(axis=1) / count)
    return _by_entity(series, _largest(series, mean, spread, telemetry))


def robust_ranking(telemetry: Telemetry) -> list[str]:
    """Entities by their largest |value - median| / interquartile range after the split."""
    series = series_matrix(telemetry.metrics, end=telemetry.end)
    before = (series.times < telemetry.alert_time - SPLIT_SECONDS) & np.isfinite(series.values)
    middle = masked_median(series.values, before)
    spread = masked_quantile(series.values, before, 0.75) - masked_quantile(series.values, before, 0.25)
    return _by_entity(series, _largest(series, middle, spread, telemetry))


def _largest(series: SeriesMatrix, middle: Floats, spread: Floats, telemetry: Telemetry) -> Floats:
    after = (series.times >= telemetry.alert_time - SPLIT_SECONDS) & np.isfinite(series.values)
    off = np.where(after, np.abs(series.values - middle[:, None]), 0.0).max(axis=1, initial=0.0)
    # Scikit-learn's RobustScaler and StandardScaler divide by 1 where a series never moved.
    scores: Floats = np.nan_to_num(off / np.where(np.nan_to_num(spread) > 0, spread, 1.0))
    return scores


def _by_entity(series: SeriesMatrix, scores: Floats) -> list[str]:
    best: dict[str, float] = {}
    for entity, score in zip(series.entities, scores, strict=True):
        best[entity] = max(best.get(entity, 0.0), float(score))
    return sorted(best, key=lambda entity: (-best[entity], entity))
