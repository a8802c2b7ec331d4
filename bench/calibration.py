"""Investigates simulated faults, hard ones among them, and keeps what was stated and whether it was right."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from autoheal.reports.calibration import Judged, calibration
from autoheal.sandbox.simulated.judged import Outcome, outcomes

KEPT = Path(__file__).with_name("calibration.json")
STREAMS = ((280, 7), (60, 8))
"""How many incidents are drawn, with which seed; some raise no alarm, or nothing is stated of them."""


def main() -> None:
    """Run the streams (some ten minutes of one core), write the outcomes, print the calibration."""
    kept, everything = [], list[Outcome]()
    for count, seed in STREAMS:
        found = list(outcomes(count, seed=seed))
        kept.append({"count": count, "seed": seed, "outcomes": [asdict(each) for each in found]})
        everything += found
    KEPT.write_text(json.dumps({"schema": "autoheal.bench-calibration/1", "streams": kept}, indent=1) + "\n")
    judged = [
        Judged(investigation=str(o.number), stated=o.stated, right=o.right, by="truth") for o in everything
    ]
    for line in (calibration(judged), *calibration(judged).bins):
        print(line)


if __name__ == "__main__":
    main()
