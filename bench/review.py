"""The reviewer on cases that its rules were not chosen with: simulated productions of a seed of their own."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import track

from autoheal.sandbox.review_bench import figures, reviewed
from autoheal.sandbox.simulated.recorded import recorded_cases

COUNT, SEED = 120, 2_027
"""How many incidents are drawn, with which seed; those without a fault make no case."""


def main() -> None:
    """Record the stream, put true and planted findings before the reviewer, print the rates as JSON."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    with tempfile.TemporaryDirectory(prefix="autoheal-review-") as folder:
        cases = track(
            recorded_cases(Path(folder), count, seed=SEED),
            total=count,
            console=Console(stderr=True),
            description="incidents",
        )
        found = [one for case in cases for one in reviewed(case, seed=SEED)]
    blocked = [
        {"kind": one.kind, "blocked_by": one.blocked_by} for one in found if one.kind == "true finding"
    ]
    print(json.dumps({**figures(found), "true_findings": blocked}))


if __name__ == "__main__":
    main()
