"""The reviewer on cases that its rules were not chosen with: simulated productions of a seed of their own."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import track

from autoheal.recording.flight import FlightRecorder
from autoheal.sandbox.review_bench import figures, reviewed
from autoheal.sandbox.simulated.judged import Hardship, HardWorld
from autoheal.sandbox.simulated.stream import Planned, draw
from autoheal.sandbox.simulated.world import template

COUNT, SEED = 120, 2_027
_HARDSHIPS = (Hardship.NONE, Hardship.NONE, Hardship.NONE, Hardship.CROWD)


def recorded(folder: Path, count: int, seed: int) -> list[Path]:
    """A labelled case folder of every planned fault that alarmed, as the flight recorder keeps it."""
    empty = template(folder / "empty")
    cases = []
    for planned in track(draw(count, seed=seed), console=Console(stderr=True), description="incidents"):
        hardship = _HARDSHIPS[planned.seed % len(_HARDSHIPS)]
        if planned.kind.effects and (case := _recorded(folder, empty, planned, hardship)) is not None:
            cases.append(case)
    return cases


def _recorded(folder: Path, empty: Path, planned: Planned, hardship: Hardship) -> Path | None:
    recorder = FlightRecorder(folder=folder / "cases" / str(planned.number), keep=1)
    world = HardWorld(folder / f"world-{planned.number}", empty, hardship, record=recorder.record)
    found = world.look(planned)
    world.wipe()
    kept = sorted(recorder.folder.glob("*/case.json"))
    if found is None or not kept:
        return None
    truth = {"entity": planned.service, "fault_type": planned.kind.name, "hardship": hardship}
    (kept[0].parent / "truth.json").write_text(json.dumps(truth))
    return kept[0].parent


def main() -> None:
    """Record the stream, put true and planted findings before the reviewer, print the rates as JSON."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    with tempfile.TemporaryDirectory(prefix="autoheal-review-") as folder:
        cases = recorded(Path(folder), count, SEED)
        shown = track(cases, console=Console(stderr=True), description="reviews")
        found = [one for case in shown for one in reviewed(case, seed=SEED)]
    blocked = [
        {"case": one.case, "kind": one.kind, "blocked_by": one.blocked_by} for one in found if one.blocked_by
    ]
    print(json.dumps({"cases": len(cases), **figures(found), "blocked": blocked}))


if __name__ == "__main__":
    main()
