"""Changes as evidence: which one explains what broke, why the others do not, and what would undo it."""

from __future__ import annotations

from collections.abc import Sequence

from autoheal.diagnosis.finding import RankedCause, RankedChange, Remediation
from autoheal.diagnosis.onset import Onset
from autoheal.diagnosis.telemetry import Telemetry
from autoheal.domain.change import Change, ChangeKind


def ranked_changes(
    telemetry: Telemetry, causes: Sequence[RankedCause], onset: Onset
) -> tuple[RankedChange, ...]:
    """Every change with its score and its refutations, most suspect first."""
    places = {cause.entity: place for place, cause in enumerate(causes)}
    judged = [_judged(change, places, onset) for change in telemetry.changes]
    return tuple(sorted(judged, key=lambda change: (-change.score, change.id)))


def _judged(change: Change, places: dict[str, int], onset: Onset) -> RankedChange:
    late = change.time > onset.time + onset.resolution
    place = places.get(change.entity)
    score = 0.0 if late or place is None else 1.0 / (1 + place)
    refuted = ("came after onset",) if late else ()
    if place is None or place > 0:
        refuted = (*refuted, "its own service shows no symptom of its own")
    return RankedChange(id=change.id, entity=change.entity, score=score, refuted=refuted)


def remediation_for(cause: RankedCause, changes: Sequence[RankedChange], telemetry: Telemetry) -> Remediation:
    """The kind of mitigation that fits the cause and its most suspect change."""
    kinds = {change.id: change.kind for change in telemetry.changes}
    if changes and changes[0].score >= 0.5:
        return _UNDO[kinds[changes[0].id]]
    del cause
    return Remediation.RESTART


_UNDO = {
    ChangeKind.COMMIT: Remediation.ROLLBACK,
    ChangeKind.DEPLOY: Remediation.ROLLBACK,
    ChangeKind.CONFIG: Remediation.RESTORE_CONFIG,
    ChangeKind.FLAG: Remediation.FLIP_FLAG,
    ChangeKind.SCALE: Remediation.SCALE,
    ChangeKind.RESTART: Remediation.RESTART,
}
