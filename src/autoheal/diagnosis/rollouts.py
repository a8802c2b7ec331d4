"""A process that a change replaced did not crash: its new start time is the rollout's, not a symptom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from autoheal.diagnosis.finding import Term
from autoheal.diagnosis.telemetry import Telemetry
from autoheal.domain.change import ChangeKind

_SLACK_SECONDS = 10.0
_EPOCH_SECONDS = 1e9
"""From this value on a number of seconds is a moment: shorter ones are durations."""


def without_rollouts(terms: Iterable[Term], telemetry: Telemetry) -> list[Term]:
    """The terms without start times that a change of the same entity, made just then, explains."""
    replaced = [(c.entity, c.time) for c in telemetry.changes if c.kind is not ChangeKind.COMMIT]
    return [term for term in terms if not _explained(term, telemetry, replaced)]


def _explained(term: Term, telemetry: Telemetry, replaced: Sequence[tuple[str, float]]) -> bool:
    if term.name != "crash_shift" or term.before is None or term.before < _EPOCH_SECONDS:
        return False
    rows = telemetry.metrics.filter((pl.col("entity") == term.entity) & (pl.col("metric") == term.subject))
    started = rows["value"].max()
    if not isinstance(started, float):
        return False
    return any(
        entity == term.entity and abs(started - moment) <= _SLACK_SECONDS for entity, moment in replaced
    )
