"""Alerts that speak of one fault; flap count, cascade, deepest upstream."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from autoheal.domain.alert import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertGroup:
    """The unit of investigation: its members are occurrences of alerts, its services are where it hurts."""

    id: str
    incident_id: str
    environment: str
    severity: Severity
    services: tuple[str, ...]
    occurrences: tuple[str, ...]
    firing: tuple[str, ...]
    first_at: datetime
    last_at: datetime
    flap_count: int = 0
    origin: str | None = None

    @property
    def cascade(self) -> bool:
        """Whether several services alarm below one common upstream."""
        return self.origin is not None and len(self.services) > 1
