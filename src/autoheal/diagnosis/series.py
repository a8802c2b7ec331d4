"""Metric rows as one padded matrix, a row per series, so that every statistic is one array operation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from autoheal.diagnosis.kinds import Meaning, meaning_of

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
MAX_SAMPLES = 1024
LEAST_SAMPLES = 128
MAX_CELLS = 4_000_000
"""How much history is kept: the latest samples of each series, fewer where there are very many series."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesMatrix:
    """n series of up to L samples: times and values are (n, L) in time order, NaN where padded."""

    entities: tuple[str, ...]
    metrics: tuple[str, ...]
    meanings: tuple[Meaning, ...]
    times: Floats
    values: Floats

    @property
    def step(self) -> float:
        """The usual distance of two samples of one series in seconds; 0 where no series has two."""
        gaps = np.diff(self.times[:_STEP_SAMPLE], axis=1)
        gaps = gaps[np.isfinite(gaps) & (gaps > 0)]
        return float(np.median(gaps)) if gaps.size else 0.0


_STEP_SAMPLE = 200


def series_matrix(metrics: pl.DataFrame, *, end: float) -> SeriesMatrix:
    """Series with at least one finite sample up to end; duplicates keep the last, values are per series."""
    known = pl.col("entity").is_not_null() & pl.col("metric").is_not_null() & pl.col("value").is_finite()
    inside = pl.col("time").is_finite() & pl.col("time").is_between(_earliest(metrics, end), end)
    rows = metrics.filter(known & inside)
    if rows.is_empty():
        empty = np.empty((0, 0))
        return SeriesMatrix(entities=(), metrics=(), meanings=(), times=empty, values=empty)
    return _padded(_sorted(rows))


def _earliest(metrics: pl.DataFrame, end: float) -> float:
    """Where the history begins, of which about as many cells are kept as the limit allows."""
    if metrics.height <= MAX_CELLS:
        return -np.inf
    every = metrics["time"].gather_every(max(metrics.height // _TIME_SAMPLE, 1))
    times = every.filter(every.is_finite() & (every <= end)).to_numpy()
    return float(np.quantile(times, 1 - MAX_CELLS / metrics.height)) if times.size else -np.inf


_TIME_SAMPLE = 100_000


def _sorted(rows: pl.DataFrame) -> pl.DataFrame:
    keyed = rows.select(
        pl.col("entity").cast(pl.Categorical),
        pl.col("metric").cast(pl.Categorical),
        pl.col("time").cast(pl.Float64),
        pl.col("value").cast(pl.Float64),
    ).with_columns(
        (pl.col("entity").to_physical().cast(pl.UInt64) * 2**32 + pl.col("metric").to_physical()).alias("key")
    )
    return keyed if _in_order(keyed) else keyed.sort("key", "time", maintain_order=True)


def _in_order(rows: pl.DataFrame) -> bool:
    """Whether every series is one run of rows in time order."""
    key, time = rows["key"].to_numpy(), rows["time"].to_numpy()
    same = key[1:] == key[:-1]
    runs = int((~same).sum()) + 1
    return runs == rows["key"].n_unique() and bool((time[1:] >= time[:-1])[same].all())


def _padded(rows: pl.DataFrame) -> SeriesMatrix:
    key = rows["key"].to_numpy()
    time = rows["time"].to_numpy()
    last = np.append((key[1:] != key[:-1]) | (time[1:] != time[:-1]), True)
    key, time, value = key[last], time[last], rows["value"].to_numpy()[last]
    first = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
    counts = np.diff(np.append(first, key.size))
    heads = rows.select("entity", "metric").filter(pl.Series(last))[first.tolist()]
    length = min(MAX_SAMPLES, max(MAX_CELLS // first.size, LEAST_SAMPLES))
    if (counts == counts[0]).all():
        shape = (first.size, int(counts[0]))
        return _matrix(heads, time.reshape(shape)[:, -length:], value.reshape(shape)[:, -length:])
    kept = np.minimum(counts, length)
    row = np.repeat(np.arange(first.size), counts)
    column = np.arange(key.size) - np.repeat(first + counts - kept, counts)
    fits = column >= 0
    times = np.full((first.size, int(kept.max())), np.nan)
    values = times.copy()
    times[row[fits], column[fits]] = time[fits]
    values[row[fits], column[fits]] = value[fits]
    return _matrix(heads, times, values)


def _matrix(heads: pl.DataFrame, times: Floats, values: Floats) -> SeriesMatrix:
    names = heads["metric"].cast(pl.String).to_list()
    return SeriesMatrix(
        entities=tuple(heads["entity"].cast(pl.String).to_list()),
        metrics=tuple(names),
        meanings=tuple(meaning_of(name) for name in names),
        times=times,
        values=values,
    )


def masked_median(values: Floats, mask: Mask) -> Floats:
    """The median of each row's values where the mask holds; NaN where it holds nowhere."""
    return masked_quantile(values, mask, 0.5)


def masked_quantile(values: Floats, mask: Mask, share: float) -> Floats:
    """The interpolated quantile of each row's values where the mask holds; NaN where it holds nowhere."""
    if values.size == 0:
        return np.full(values.shape[0], np.nan)
    ordered = np.sort(np.where(mask, values, np.inf), axis=1)
    count = mask.sum(axis=1)
    place = np.maximum(count - 1, 0) * share
    low = np.floor(place).astype(np.intp)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    rows = np.arange(values.shape[0])
    floor, ceil = ordered[rows, low], ordered[rows, high]
    with np.errstate(invalid="ignore"):
        found = floor + (ceil - floor) * (place - low)
    return np.where(count > 0, np.where(floor == ceil, floor, found), np.nan)


def rolling_median(values: Floats, width: int) -> Floats:
    """The median of each sample and the width-1 before it; the first ones keep their own value."""
    if width <= 1 or values.shape[1] < width:
        return values.copy()
    windows = np.lib.stride_tricks.sliding_window_view(values, width, axis=1)
    smooth = values.copy()
    if width == len(("a", "b", "c")):
        a, b, c = windows[..., 0], windows[..., 1], windows[..., 2]
        smooth[:, width - 1 :] = np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))
        return smooth
    smooth[:, width - 1 :] = np.median(windows, axis=-1)
    return smooth
