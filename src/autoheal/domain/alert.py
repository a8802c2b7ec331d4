"""One firing or resolved signal from one source, on one severity scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Severity(StrEnum):
    """How bad, worst first; each vendor's own word is kept beside it."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for critical, rising as it matters less."""
        return list(Severity).index(self)


class AlertStatus(StrEnum):
    """Whether the source says the condition holds."""

    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """Which service an alert speaks of, how we know, and how sure we are (0 to 1)."""

    service: str | None
    method: str
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One occurrence: the same fingerprint and start are the same occurrence, however often delivered."""

    fingerprint: str
    source: str
    name: str
    status: AlertStatus
    severity: Severity
    original_severity: str
    attribution: Attribution
    starts_at: datetime
    ends_at: datetime | None = None
    environment: str = "unknown"
    summary: str = ""
    expression: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    event_id: str = ""

    def __post_init__(self) -> None:
        if self.starts_at.tzinfo is None:
            raise ValueError(f"alert {self.name}: starts_at has no time zone")
        if not self.fingerprint or not self.name:
            raise ValueError("an alert needs a name and a fingerprint")

    @property
    def occurrence(self) -> str:
        """The key that redeliveries share."""
        return f"{self.source}:{self.fingerprint}:{self.starts_at.isoformat()}"

    @property
    def service(self) -> str | None:
        """The service this alert is attributed to, if any."""
        return self.attribution.service
