"""Time and memory of the ranking on a large system, as ratios against RobustScorer in the same run."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import polars as pl

from autoheal.diagnosis.baselines import robust_ranking
from autoheal.diagnosis.engine import diagnose
from autoheal.diagnosis.telemetry import Telemetry

START = 1_790_000_000.0
STEP = 15.0
KINDS = ("requests_rate", "error_ratio", "latency_p95_seconds", "cpu_cores", "memory_bytes")


def large(entities: int, series: int, samples: int) -> Telemetry:
    """A quiet system of that size in which one entity's latency grows tenfold ten samples before the end."""
    dice = np.random.default_rng(7)
    metrics = [*KINDS, *(f"gauge_{i}_bytes" for i in range(series - len(KINDS)))][:series]
    values = dice.lognormal(0, 0.1, (entities, series, samples))
    values[entities // 2, 2, -10:] *= 10
    names = [f"service-{i}" for i in range(entities)]
    owner = np.repeat(np.arange(entities, dtype=np.uint32), series * samples)
    kind = np.tile(np.repeat(np.arange(series, dtype=np.uint32), samples), entities)
    table = pl.DataFrame(
        {
            "time": np.tile(START + np.arange(samples) * STEP, entities * series),
            "entity": pl.Series(names).gather(owner),
            "metric": pl.Series(metrics).gather(kind),
            "value": values.ravel(),
        }
    )
    end = START + samples * STEP
    return Telemetry(
        start=START,
        end=end,
        alert_time=end - 5 * STEP,
        alert_entity=names[0],
        metrics=table,
        topology=tuple(pairwise(names)),
    )


def seconds(work: Callable[[Telemetry], object], telemetry: Telemetry) -> float:
    """The best of three runs."""
    best = float("inf")
    for _ in range(3):
        begun = time.perf_counter()
        work(telemetry)
        best = min(best, time.perf_counter() - begun)
    return best


def main() -> None:
    """Print one JSON line per size: seconds of both methods, their ratio, and whether the fault is first."""
    for entities in (10, 100, 1000):
        telemetry = large(entities, 20, 720)
        ours, theirs = seconds(diagnose, telemetry), seconds(robust_ranking, telemetry)
        found = diagnose(telemetry).ranking[0].entity == f"service-{entities // 2}"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        line = {
            "entities": entities,
            "samples": telemetry.metrics.height,
            "seconds": round(ours, 3),
            "robustscorer_seconds": round(theirs, 3),
            "ratio": round(ours / theirs, 2),
            "found": found,
            "peak_mib": round(peak),
        }
        sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
