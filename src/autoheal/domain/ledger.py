"""What an incident cost: tokens, queries by backend, expert minutes, wall time, money."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One cost of one stage; backend is a telemetry source, a model, or `expert`; money in US dollars."""

    incident_id: str
    stage: str
    backend: str
    at: datetime
    queries: int = 0
    tokens_input: int = 0
    tokens_cached: int = 0
    tokens_output: int = 0
    tokens_reasoning: int = 0
    questions: int = 0
    expert_minutes: float = 0.0
    wall_seconds: float = 0.0
    dollars: float = 0.0
