"""The whole report of a window: figures, cost per n-th incident, level; each with its events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from autoheal.reports.calibration import Calibration, calibration
from autoheal.reports.economics import FamilyCost, costs_by_family
from autoheal.reports.history import History
from autoheal.reports.level import LevelReport, levels
from autoheal.reports.metrics import Figure, figures

WINDOW = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What `autoheal report` prints; cost and calibration over all time, the rest over the window."""

    since: datetime
    until: datetime
    incidents: int
    figures: tuple[Figure, ...]
    families: tuple[FamilyCost, ...]
    level: LevelReport
    calibration: Calibration


def report(history: History, *, now: datetime, window: timedelta = WINDOW) -> Report:
    """Compute everything from stored events; nothing is read and nothing is typed in by a person."""
    recent = history.between(now - window, now)
    return Report(
        since=now - window,
        until=now,
        incidents=len(recent.incidents),
        figures=figures(recent),
        families=costs_by_family(history),
        level=levels(recent),
        calibration=calibration(list(history.judged.values())),
    )
