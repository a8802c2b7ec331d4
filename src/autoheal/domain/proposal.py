"""One of five lessons of an incident, with its proof."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from autoheal.domain.errors import ConflictError


class ProposalKind(StrEnum):
    """The five learning actions."""

    FIX = "fix_pr"
    OBSERVABILITY = "observability_pr"
    ALERT_TUNING = "alert_tuning"
    DECISION_TRACE = "decision_trace"
    SKILL = "skill_pr"


class ProposalState(StrEnum):
    """Where a lesson stands; `nothing` means that there was nothing to learn, with the reason."""

    PROPOSED = "proposed"
    MERGED = "merged"
    DEPLOYED = "deployed"
    VERIFIED = "verified"
    REJECTED = "rejected"
    NOTHING = "nothing"


_S = ProposalState
_MOVES: Mapping[ProposalState, frozenset[ProposalState]] = MappingProxyType(
    {
        _S.PROPOSED: frozenset({_S.MERGED, _S.REJECTED}),
        _S.MERGED: frozenset({_S.DEPLOYED, _S.VERIFIED}),
        _S.DEPLOYED: frozenset({_S.VERIFIED, _S.MERGED}),
        _S.VERIFIED: frozenset({_S.DEPLOYED}),
        _S.REJECTED: frozenset(),
        _S.NOTHING: frozenset(),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was run to show that the proposal is right: name and outcome of each check, in order."""

    summary: str
    checks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A branch in a repository plus the text and proof of its pull request; content_key is its identity."""

    id: str
    incident_id: str
    kind: ProposalKind
    state: ProposalState
    title: str
    body: str
    content_key: str
    opened_at: datetime
    repository: str = ""
    branch: str = ""
    base: str = ""
    head: str = ""
    proof: Proof | None = None
    reason: str = ""
    decided_by: str = ""
    decided_at: datetime | None = None
    deployed_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.state is ProposalState.NOTHING and not self.reason:
            raise ValueError(f"proposal {self.kind}: nothing to learn needs a reason")
        if self.state is not ProposalState.NOTHING and self.proof is None:
            raise ValueError(f"proposal {self.kind}: no proposal is opened without its proof")

    def move(self, state: ProposalState) -> Proposal:
        """The proposal in the new state; raises ConflictError when that move does not exist."""
        if state not in _MOVES[self.state]:
            raise ConflictError(f"proposal {self.id} is {self.state} and cannot become {state}")
        return replace(self, state=state)
