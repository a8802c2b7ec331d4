"""What only a person knows; the answer keeps its author."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One small question to a person, why memory did not serve, and the answer once it is there."""

    id: str
    incident_id: str
    text: str
    why_asked: str
    asked_at: datetime
    asked_of: str
    answer: str | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None

    @property
    def minutes(self) -> float | None:
        """Minutes until the answer; None while it is open."""
        if self.answered_at is None:
            return None
        return (self.answered_at - self.asked_at).total_seconds() / 60
