"""One bounded change, its way back, and the check that judges it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from autoheal.domain.errors import IllegalMoveError


class ActionKind(StrEnum):
    """The whole catalogue; what is not here cannot be done."""

    RESTART = "restart"
    ROLLBACK = "rollback"
    RESTORE_CONFIG = "restore_config"
    SET_FLAG = "set_flag"
    SCALE = "scale"


class Tier(StrEnum):
    """Risk classes, mildest first."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class MitigationState(StrEnum):
    """How far a mitigation came; unknown means that only a person can say."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    INTENDED = "intended"
    EXECUTED = "executed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    VERIFIED = "verified"
    UNDOING = "undoing"
    UNDONE = "undone"


class MitigationEvent(StrEnum):
    """What moves a mitigation."""

    APPROVE = "approve"
    REJECT = "reject"
    EXPIRE = "expire"
    INTEND = "intend"
    EXECUTE = "execute"
    FAIL = "fail"
    LOSE_TRACK = "lose_track"
    VERIFY = "verify"
    BEGIN_UNDO = "begin_undo"
    UNDO = "undo"


_S, _E = MitigationState, MitigationEvent

MOVES: Mapping[tuple[MitigationState, MitigationEvent], MitigationState] = MappingProxyType(
    {
        (_S.PROPOSED, _E.APPROVE): _S.APPROVED,
        (_S.PROPOSED, _E.REJECT): _S.REJECTED,
        (_S.PROPOSED, _E.EXPIRE): _S.EXPIRED,
        (_S.APPROVED, _E.EXPIRE): _S.EXPIRED,
        (_S.APPROVED, _E.REJECT): _S.REJECTED,
        (_S.APPROVED, _E.INTEND): _S.INTENDED,
        (_S.INTENDED, _E.EXECUTE): _S.EXECUTED,
        (_S.INTENDED, _E.FAIL): _S.FAILED,
        (_S.INTENDED, _E.LOSE_TRACK): _S.UNKNOWN,
        (_S.EXECUTED, _E.VERIFY): _S.VERIFIED,
        (_S.EXECUTED, _E.BEGIN_UNDO): _S.UNDOING,
        (_S.EXECUTED, _E.FAIL): _S.FAILED,
        (_S.UNDOING, _E.UNDO): _S.UNDONE,
        (_S.UNDOING, _E.FAIL): _S.FAILED,
        (_S.UNDOING, _E.LOSE_TRACK): _S.UNKNOWN,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A verb of the catalogue on one target; nothing else can be sent to production."""

    kind: ActionKind
    target: str
    parameters: Mapping[str, str | int | float | bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # An empty selector once meant "everything" and wiped a fleet (SRE book, Diskerase).
        if not self.target.strip() or "*" in self.target:
            raise ValueError(f"{self.kind} names no single target: {self.target!r}")

    def __str__(self) -> str:
        given = ", ".join(f"{key}={value}" for key, value in sorted(self.parameters.items()))
        return f"{self.kind} {self.target}" + (f" ({given})" if given else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What must hold for how long, declared before acting; the expression is true while the symptom lasts."""

    expression: str
    services: tuple[str, ...]
    stable_seconds: float
    within_seconds: float
    max_age_seconds: float = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mitigation:
    """A proposed action with everything that an approver must see and that execution must match."""

    id: str
    incident_id: str
    hypothesis_id: str
    action: Action
    way_back: Action | None
    tier: Tier
    expected_effect: str
    blast_radius: str
    check: Check
    target_version: int
    baseline_score: float
    evidence_digest: str
    policy_version: str
    proposed_by: str
    proposed_at: datetime
    expires_at: datetime
    state: MitigationState = MitigationState.PROPOSED
    rule: str = ""
    approvals_needed: int = 0
    skill: str | None = None
    plan: str = ""
    result: str = ""
    executed_at: datetime | None = None

    def move(self, event: MitigationEvent) -> Mitigation:
        """The mitigation after the event; raises IllegalMoveError where the table has no such move."""
        try:
            return replace(self, state=MOVES[self.state, event])
        except KeyError:
            raise IllegalMoveError(f"mitigation {self.id} is {self.state}: it cannot {event}") from None

    @property
    def digest(self) -> str:
        """SHA-256 over all that an approval binds; a change of any of it voids the approval."""
        bound = {
            "id": self.id,
            "incident": self.incident_id,
            "action": _plain(self.action),
            "way_back": _plain(self.way_back) if self.way_back else None,
            "tier": self.tier,
            "check": [self.check.expression, *self.check.services, float(self.check.stable_seconds)],
            "target_version": self.target_version,
            "evidence": self.evidence_digest,
            "plan": self.plan,
            "policy": self.policy_version,
            "skill": self.skill,
            "expires_at": self.expires_at.isoformat(),
        }
        canonical = json.dumps(bound, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def _plain(action: Action) -> list[object]:
    return [action.kind, action.target, dict(action.parameters)]


class VerificationResult(StrEnum):
    """Did the symptom go, and because of us?"""

    HELPED = "helped"
    STILL_FAILING = "still_failing"
    WORSE = "worse"
    NO_DATA = "no_data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The judgment of one mitigation by its own check, with the severity score before and after."""

    mitigation_id: str
    result: VerificationResult
    text: str
    judged_at: datetime
    score_before: float
    score_after: float | None
    evidence_ids: tuple[str, ...] = ()
    recovered_at: datetime | None = None
