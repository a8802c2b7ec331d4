"""One person's yes to one digest, once, until it expires."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from autoheal.domain.errors import RefusedError


class Decision(StrEnum):
    """What the person said."""

    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Bound to the mitigation's digest at the moment of deciding; used at most once."""

    id: str
    mitigation_id: str
    digest: str
    decision: Decision
    actor: str
    channel: str
    decided_at: datetime
    expires_at: datetime
    note: str = ""
    used_at: datetime | None = None

    def use(self, *, digest: str, now: datetime) -> Approval:
        """The approval marked as used; raises RefusedError when it does not cover this digest now."""
        if self.decision is not Decision.APPROVED:
            raise RefusedError("approval.decision", f"{self.actor} said no to {self.mitigation_id}")
        if self.digest != digest:
            raise RefusedError("approval.digest", "the action changed after it was approved")
        if self.used_at is not None:
            raise RefusedError("approval.single_use", "this approval was already used")
        if now >= self.expires_at:
            raise RefusedError("approval.expired", f"the approval expired at {self.expires_at.isoformat()}")
        return replace(self, used_at=now)
