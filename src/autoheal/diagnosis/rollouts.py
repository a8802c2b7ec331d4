"""A process that a change replaced did not crash: its new start time is the rollout's, not a symptom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from autoheal.diagnosis.finding import Term
from autoheal.domain.change import Change, ChangeKind

_SLACK_SECONDS = 10.0
_EPOCH_SECONDS = 1e9
"""From this value on a number of seconds is a moment: shorter ones are durations."""


def without_rollouts(terms: Iterable[Term], changes: Sequence[Change]) -> list[Term]:
    """The terms without start times that a change of the same entity, made just then, explains."""
    replaced = [(c.entity, c.time) for c in changes if c.kind is not ChangeKind.COMMIT]
    return [term for term in terms if not _explained(term, replaced)]


def _explained(term: Term, replaced: Sequence[tuple[str, float]]) -> bool:
    if term.name != "crash_shift" or term.after is None or term.after < _EPOCH_SECONDS:
        return False
    return any(
        entity == term.entity and abs(term.after - moment) <= _SLACK_SECONDS for entity, moment in replaced
    )
