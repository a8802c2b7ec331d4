"""Whether a share surely fell, with few trials on either side."""

from __future__ import annotations

import numpy as np

_LEAST = 0.3


def share_fall(old: int, runs_old: int, new: int, runs_new: int) -> float:
    """How far a share surely fell, as a part of what it was: two binomial errors are granted."""
    was, now = old / runs_old, new / runs_new
    if was < _LEAST:
        return 0.0
    pooled = (old + new + 1) / (runs_old + runs_new + 2)
    error = np.sqrt(pooled * (1 - pooled) * (1 / runs_old + 1 / runs_new))
    return float(np.clip((was - now - 2 * error) / was, 0.0, 1.0))
