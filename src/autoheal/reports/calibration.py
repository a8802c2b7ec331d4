"""Is stated confidence calibrated? Of what was said to be 80 % sure, about 80 % should be right. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BOUND = 0.10
"""The expected calibration error that we publish as the limit, over at least 200 judged investigations."""

_BINS = 10
_RESAMPLES = 2_000
_INTERVAL = (2.5, 97.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One judged investigation: how sure it said it was, whether it was right, and who judged it."""

    investigation: str
    stated: float
    right: bool
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Investigations whose stated confidence lies between low and high: what they said, how it was."""

    low: float
    high: float
    count: int
    stated: float
    right: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The expected calibration error with its 95 % interval (bootstrap), over so many judged investigations.

    The error is the mean over all investigations of |share right - mean stated confidence| of their bin
    (Guo et al., "On Calibration of Modern Neural Networks", 2017); 0 is perfect, None without any.
    """

    count: int
    stated: float | None
    right: float | None
    error: float | None
    low: float | None
    high: float | None
    bins: tuple[Bin, ...]


def calibration(judged: Sequence[Judged]) -> Calibration:
    """How far stated confidence and the share that was right lie apart."""
    if not judged:
        return Calibration(count=0, stated=None, right=None, error=None, low=None, high=None, bins=())
    stated = np.array([each.stated for each in judged])
    right = np.array([each.right for each in judged], dtype=np.float64)
    drawn = np.random.default_rng(0).integers(0, len(judged), (_RESAMPLES, len(judged)))
    low, high = np.percentile([_error(stated[d], right[d]) for d in drawn], _INTERVAL)
    return Calibration(
        count=len(judged),
        stated=round(float(stated.mean()), 4),
        right=round(float(right.mean()), 4),
        error=round(_error(stated, right), 4),
        low=round(float(low), 4),
        high=round(float(high), 4),
        bins=tuple(_bins(stated, right)),
    )


def _places(stated: np.ndarray) -> np.ndarray:
    return np.minimum((stated * _BINS).astype(np.intp), _BINS - 1)


def _error(stated: np.ndarray, right: np.ndarray) -> float:
    gaps = np.bincount(_places(stated), weights=right - stated, minlength=_BINS)
    return float(np.abs(gaps).sum() / len(stated))


def _bins(stated: np.ndarray, right: np.ndarray) -> list[Bin]:
    places = _places(stated)
    return [
        Bin(
            low=k / _BINS,
            high=(k + 1) / _BINS,
            count=int((places == k).sum()),
            stated=round(float(stated[places == k].mean()), 4),
            right=round(float(right[places == k].mean()), 4),
        )
        for k in range(_BINS)
        if (places == k).any()
    ]
