"""Who may say yes: never the proposer, never twice, only whom the policy names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from fnmatch import fnmatchcase

from autoheal.domain.approval import Approval, Decision
from autoheal.domain.mitigation import Mitigation, MitigationState
from autoheal.policy.policy import Policy


def undecidable(mitigation: Mitigation, digest: str, now: datetime) -> str | None:
    """Why nobody may decide on it any more, or on what they saw of it; None while it waits."""
    if mitigation.state is not MitigationState.PROPOSED:
        return f"{mitigation.id} is {mitigation.state}; nothing is left to decide"
    if mitigation.digest != digest:
        return f"{mitigation.id} is not what you saw: look at it again before deciding"
    if now >= mitigation.expires_at:
        return f"{mitigation.id} expired at {mitigation.expires_at.isoformat()}"
    return None


def objection(
    policy: Policy, mitigation: Mitigation, given: Sequence[Approval], *, actor: str
) -> tuple[str, str] | None:
    """Rule and reason why this person may not decide on this mitigation; None when they may."""
    if not actor.strip():
        return "approval.actor", "an approval needs a named person"
    if actor in ("autoheal", mitigation.proposed_by):
        return "approval.approver_not.proposer", f"{actor} proposed it and cannot approve it"
    if not any(fnmatchcase(actor, pattern) for pattern in policy.approval.approvers):
        return "approval.approvers", f"{actor} is not among the approvers"
    if any(a.actor == actor and a.decision is Decision.APPROVED for a in given):
        return "approval.two_persons", f"{actor} has approved it already; another person is needed"
    return None
