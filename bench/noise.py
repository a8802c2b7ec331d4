"""How often calm history is called noise, and how often a real fault is: a JSON line per system of cases."""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl

from autoheal.diagnosis.engine import diagnose
from autoheal.diagnosis.telemetry import Telemetry
from autoheal.recording.case_folder import Case, case_folders, load_case

LEAST_SAMPLES = 8
"""A window with fewer moments is no history."""

LONG_SECONDS = 16 * 3600.0


def until(telemetry: Telemetry, end: float) -> Telemetry:
    """The telemetry as it stood at an earlier moment, as if an alert had come then."""

    def cut(table: pl.DataFrame, column: str) -> pl.DataFrame:
        return table.filter(pl.col(column) <= end)

    return replace(
        telemetry,
        end=end,
        alert_time=end,
        metrics=cut(telemetry.metrics, "time"),
        logs=None if telemetry.logs is None else cut(telemetry.logs, "time"),
        spans=None if telemetry.spans is None else cut(telemetry.spans, "start"),
    )


def calm_windows(case: Case, injected: float | None) -> Iterator[Telemetry]:
    """Windows that end before the fault: just before it where that is known, else well before the alert."""
    telemetry = case.telemetry
    first = float(telemetry.metrics.select(pl.col("time").min()).item())
    if injected is not None:
        ends = [injected - 15.0]
    elif telemetry.alert_time - first > LONG_SECONDS:
        ends = [telemetry.alert_time - 3600.0 * hours for hours in (3, 9, 15)]
    else:
        ends = [first + 0.45 * (telemetry.alert_time - first)]
    for end in ends:
        window = until(telemetry, end)
        if window.metrics["time"].n_unique() >= LEAST_SAMPLES:
            yield window


def main() -> None:
    """Print per system how many windows there are and what the engine says of them."""
    said: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for folder in case_folders(Path(sys.argv[1])):
        case = load_case(folder)
        truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
        said[case.system, "fault"][diagnose(case.telemetry).verdict] += 1
        for window in calm_windows(case, truth.get("inject_time")):
            said[case.system, "calm"][diagnose(window).verdict] += 1
    for (system, kind), verdicts in sorted(said.items()):
        sys.stdout.write(json.dumps({"system": system, "windows": kind, **verdicts}) + "\n")


if __name__ == "__main__":
    main()
