"""Which kind of mitigation fits the cause and its most suspect change."""

from __future__ import annotations

from collections.abc import Sequence

from autoheal.diagnosis.change_evidence import SUSPECT
from autoheal.diagnosis.diff_risk import risk_of
from autoheal.diagnosis.finding import RankedCause, RankedChange, Remediation
from autoheal.diagnosis.telemetry import Telemetry
from autoheal.domain.change import ChangeKind
from autoheal.domain.investigation import Mechanism

_UNDO = {
    ChangeKind.COMMIT: Remediation.ROLLBACK,
    ChangeKind.DEPLOY: Remediation.ROLLBACK,
    ChangeKind.CONFIG: Remediation.RESTORE_CONFIG,
    ChangeKind.FLAG: Remediation.FLIP_FLAG,
    ChangeKind.SCALE: Remediation.SCALE,
    ChangeKind.RESTART: Remediation.RESTART,
}

_WITHOUT_CHANGE = {
    Mechanism.LOAD: Remediation.SCALE,
    Mechanism.CRASH: Remediation.RESTART,
    Mechanism.RESOURCE_EXHAUSTION: Remediation.RESTART,
}


def remediation_for(
    causes: Sequence[RankedCause], changes: Sequence[RankedChange], telemetry: Telemetry
) -> Remediation:
    """Undo the culprit change where there is one; else what fits the first cause's mechanism."""
    if changes and changes[0].score >= SUSPECT:
        return _undo(changes[0].id, telemetry)
    if not causes:
        return Remediation.NONE
    squeezed = any(term.name == "throttling_shift" for term in causes[0].terms)
    if squeezed and causes[0].mechanism is Mechanism.RESOURCE_EXHAUSTION:
        return Remediation.RESCHEDULE
    return _WITHOUT_CHANGE.get(causes[0].mechanism, Remediation.NONE)


def _undo(culprit: str, telemetry: Telemetry) -> Remediation:
    kind, config = culprit_kind(culprit, telemetry)
    return Remediation.RESTORE_CONFIG if config else _UNDO[kind]


def culprit_kind(culprit: str, telemetry: Telemetry) -> tuple[ChangeKind, bool]:
    """How the change reached production, and whether all that it touches is configuration."""
    parts = [change for change in telemetry.changes if change.id == culprit]
    config = any(risk_of(part.diff, part.files, part.title).config for part in parts if part.files)
    kinds = [part.kind for part in parts if part.kind is not ChangeKind.COMMIT]
    return (kinds[0] if kinds else ChangeKind.COMMIT), config
