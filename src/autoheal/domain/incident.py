"""A fault from onset to recovery, and the moves its state may make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from autoheal.domain.alert import Severity
from autoheal.domain.errors import IllegalMoveError


class IncidentState(StrEnum):
    """Where the healing run stands."""

    OPEN = "open"
    INVESTIGATING = "investigating"
    DECIDING = "deciding"
    AWAITING_APPROVAL = "awaiting_approval"
    MITIGATING = "mitigating"
    VERIFYING = "verifying"
    ESCALATED = "escalated"
    MITIGATED = "mitigated"
    DISMISSED = "dismissed"
    CLOSED = "closed"


class IncidentEvent(StrEnum):
    """What moves an incident."""

    INVESTIGATE = "investigate"
    DECIDE = "decide"
    ASK_APPROVAL = "ask_approval"
    ACT = "act"
    VERIFY = "verify"
    HELPED = "helped"
    TRY_NEXT = "try_next"
    ESCALATE = "escalate"
    RECOVERED = "recovered"
    CALL_NOISE = "call_noise"
    CLOSE = "close"


_S, _E = IncidentState, IncidentEvent
_FROM_ANY_OPEN = (_S.OPEN, _S.INVESTIGATING, _S.DECIDING, _S.AWAITING_APPROVAL, _S.MITIGATING, _S.VERIFYING)

MOVES: Mapping[tuple[IncidentState, IncidentEvent], IncidentState] = MappingProxyType(
    {
        (_S.OPEN, _E.INVESTIGATE): _S.INVESTIGATING,
        (_S.INVESTIGATING, _E.DECIDE): _S.DECIDING,
        (_S.INVESTIGATING, _E.CALL_NOISE): _S.DISMISSED,
        (_S.DECIDING, _E.ASK_APPROVAL): _S.AWAITING_APPROVAL,
        (_S.DECIDING, _E.ACT): _S.MITIGATING,
        (_S.DECIDING, _E.TRY_NEXT): _S.INVESTIGATING,
        (_S.AWAITING_APPROVAL, _E.ACT): _S.MITIGATING,
        (_S.AWAITING_APPROVAL, _E.TRY_NEXT): _S.INVESTIGATING,
        (_S.MITIGATING, _E.VERIFY): _S.VERIFYING,
        (_S.MITIGATING, _E.TRY_NEXT): _S.INVESTIGATING,
        (_S.VERIFYING, _E.HELPED): _S.MITIGATED,
        (_S.VERIFYING, _E.TRY_NEXT): _S.INVESTIGATING,
        (_S.MITIGATED, _E.CLOSE): _S.CLOSED,
        (_S.DISMISSED, _E.CLOSE): _S.CLOSED,
        (_S.ESCALATED, _E.CLOSE): _S.CLOSED,
        **{(state, _E.ESCALATE): _S.ESCALATED for state in _FROM_ANY_OPEN},
        **{(state, _E.RECOVERED): _S.MITIGATED for state in (*_FROM_ANY_OPEN, _S.ESCALATED)},
    }
)

SETTLED = frozenset({_S.ESCALATED, _S.MITIGATED, _S.DISMISSED, _S.CLOSED})
"""States in which the healing run has nothing left to do."""


class Outcome(StrEnum):
    """How an incident ended, as far as we can show."""

    MITIGATED_BY_US = "mitigated_by_us"
    RECOVERED_ALONE = "recovered_alone"
    NOISE = "noise"
    ESCALATED = "escalated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One fault with one healing run; its times come from telemetry wherever telemetry tells them."""

    id: str
    title: str
    environment: str
    severity: Severity
    state: IncidentState
    opened_at: datetime
    service: str | None = None
    services: tuple[str, ...] = ()
    impact: str = ""
    signature: str = ""
    family: str = ""
    skill: str | None = None
    outcome: Outcome | None = None
    escalation: str = ""
    novelty: float | None = None
    """0 for what memory knows well, 1 for what was never seen; the reason stands beside it."""
    novelty_reason: str = ""
    onset_at: datetime | None = None
    detected_at: datetime | None = None
    first_query_at: datetime | None = None
    diagnosed_at: datetime | None = None
    mitigated_at: datetime | None = None
    recovered_at: datetime | None = None
    closed_at: datetime | None = None
    deleted_at: datetime | None = None
    """When what was investigated was deleted; a tombstone in the audit chain says by whom and why."""

    def move(self, event: IncidentEvent) -> Incident:
        """The incident after the event; raises IllegalMoveError where the table has no such move."""
        try:
            return replace(self, state=MOVES[self.state, event])
        except KeyError:
            raise IllegalMoveError(f"incident {self.id} is {self.state}: it cannot {event}") from None

    @property
    def settled(self) -> bool:
        """Whether nothing more will be tried."""
        return self.state in SETTLED


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One thing that happened; kind is symptom, evidence, change, decision, action or human."""

    at: datetime
    kind: str
    text: str
    actor: str
    evidence: tuple[str, ...] = ()
