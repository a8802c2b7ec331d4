"""Labelled case folders of simulated faults, as the flight recorder keeps what an investigation saw."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from autoheal.recording.flight import FlightRecorder
from autoheal.sandbox.simulated.judged import Hardship, HardWorld
from autoheal.sandbox.simulated.stream import Planned, draw
from autoheal.sandbox.simulated.world import template

_HARDSHIPS = (Hardship.NONE, Hardship.NONE, Hardship.NONE, Hardship.CROWD)


def recorded_cases(folder: Path, count: int, *, seed: int) -> Iterator[Path]:
    """A labelled case folder below this one for each planned fault that alarmed; fewer than were drawn."""
    empty = template(folder / "empty")
    for planned in draw(count, seed=seed):
        if planned.kind.effects:
            hardship = _HARDSHIPS[planned.seed % len(_HARDSHIPS)]
            yield from _recorded(folder, empty, planned, hardship)


def _recorded(folder: Path, empty: Path, planned: Planned, hardship: Hardship) -> Iterator[Path]:
    recorder = FlightRecorder(folder=folder / "cases" / str(planned.number), keep=1)
    world = HardWorld(folder / f"world-{planned.number}", empty, hardship, record=recorder.record)
    found = world.look(planned)
    world.wipe()
    for case in sorted(recorder.folder.glob("*/case.json"))[:1] if found else ():
        truth = {"entity": planned.service, "fault_type": planned.kind.name, "hardship": hardship}
        (case.parent / "truth.json").write_text(json.dumps(truth))
        yield case.parent
