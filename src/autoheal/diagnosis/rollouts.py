"""A process that a change replaced did not crash: its new start time is the rollout's, not a symptom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from autoheal.diagnosis.kinds import Kind
from autoheal.diagnosis.metric_evidence import Shift
from autoheal.diagnosis.telemetry import Telemetry
from autoheal.domain.change import ChangeKind

_SLACK_SECONDS = 10.0
_EPOCH_SECONDS = 1e9
"""From this value on a number of seconds is a moment: shorter ones are durations."""


def without_rollouts(shifts: Iterable[Shift], telemetry: Telemetry) -> list[Shift]:
    """The shifts without start times that a change of the same entity, made just then, explains."""
    replaced = [(c.entity, c.time) for c in telemetry.changes if c.kind is not ChangeKind.COMMIT]
    return [shift for shift in shifts if not _explained(shift, telemetry, replaced)]


def _explained(shift: Shift, telemetry: Telemetry, replaced: Sequence[tuple[str, float]]) -> bool:
    if shift.meaning.kind is not Kind.CRASH or shift.before < _EPOCH_SECONDS:
        return False
    rows = telemetry.metrics.filter((pl.col("entity") == shift.entity) & (pl.col("metric") == shift.metric))
    started = rows["value"].max()
    if not isinstance(started, float):
        return False
    return any(
        entity == shift.entity and abs(started - moment) <= _SLACK_SECONDS for entity, moment in replaced
    )
