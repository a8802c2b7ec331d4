"""Whom a fault touches at one moment: what was measured, what may be hurt by the graph, what nobody knows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Touch(StrEnum):
    """How a service is touched: it hurts by measurement, it may, it is as ever, or nobody measures it."""

    HURT = "hurt"
    EXPOSED = "exposed"
    WELL = "well"
    UNMEASURED = "unmeasured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One signal of a service: its usual level, its level now, and the evidence with both; `at` is now."""

    subject: str
    before: float | None
    now: float
    at: datetime
    evidence_id: str
    moved: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """One service: how it is touched and why, who owns it, and the facts by which it was reached."""

    service: str
    touch: Touch
    why: str
    entry: bool
    owners: tuple[str, ...] = ()
    levels: tuple[Level, ...] = ()
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Requests that failed at one entry since the onset, of how many; both are sums over stored samples."""

    service: str
    failed: float
    requests: float
    evidence_ids: tuple[str, ...]

    @property
    def share(self) -> float:
        """Between 0 and 1."""
        return self.failed / self.requests if self.requests else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """The answer to `who is affected?`, with the moment it was measured at; missing says what nobody told."""

    incident_id: str
    measured_at: datetime
    since: datetime
    until: datetime | None
    services: tuple[Touched, ...]
    failed: tuple[Failed, ...]
    missing: tuple[str, ...]

    @property
    def says(self) -> str:
        """In one paragraph."""
        hurt = [one.service for one in self.services if one.touch is Touch.HURT]
        exposed = [one.service for one in self.services if one.touch is Touch.EXPOSED]
        parts = [f"hurt: {', '.join(hurt)}" if hurt else "nothing that is measured hurts"]
        parts += [f"may be hurt: {', '.join(exposed)}"] if exposed else []
        parts += [
            f"{one.failed:.0f} of {one.requests:.0f} requests at {one.service} failed ({one.share:.1%})"
            for one in self.failed
        ]
        parts += [f"not known: {', '.join(self.missing)}"] if self.missing else []
        return f"at {self.measured_at:%H:%M:%S} UTC, since {self.since:%H:%M:%S}: {'; '.join(parts)}"
