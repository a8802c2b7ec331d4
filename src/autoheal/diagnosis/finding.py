"""What the engine says: causes ranked by the sum of their named terms, and the judged changes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from autoheal.domain.investigation import Mechanism, VerdictKind


class Modality(StrEnum):
    """Which kind of telemetry a term was computed from."""

    METRICS = "metrics"
    LOGS = "logs"
    SPANS = "spans"
    CHANGES = "changes"
    TOPOLOGY = "topology"


class Remediation(StrEnum):
    """The kind of mitigation that fits the cause; none where no catalogued kind does."""

    ROLLBACK = "rollback"
    RESTORE_CONFIG = "restore_config"
    FLIP_FLAG = "flip_flag"
    RESTART = "restart"
    SCALE = "scale"
    RESCHEDULE = "reschedule"
    ROLL_FORWARD = "roll_forward"
    PURGE_DATA = "purge_data"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A closed span of time in unix seconds."""

    start: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One named contribution to an entity's score, with the two numbers that it rests on.

    before and after are the statistic (median of metrics and spans, count or share of logs and calls) of the
    subject's rows of that entity inside the stated windows; points is the exact share of the score. seen_at
    names the entity whose rows those are, where it is another.
    """

    name: str
    modality: Modality
    entity: str
    subject: str
    points: float
    before: float | None = None
    after: float | None = None
    before_window: Window | None = None
    after_window: Window | None = None
    statistic: str = "median"
    unit: str = ""
    onset: float | None = None
    seen_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedCause:
    """One candidate; score is exactly the sum of the points of its terms, confidence is in [0, 1]."""

    entity: str
    score: float
    confidence: float
    mechanism: Mechanism
    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedChange:
    """One change judged: score in [0, 1], why it is suspected, and what refutes it."""

    id: str
    entity: str
    score: float
    why: tuple[str, ...] = ()
    refuted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The engine's whole answer; onset in unix seconds, missing names what it had to do without."""

    verdict: VerdictKind
    confidence: float
    reason: str
    ranking: tuple[RankedCause, ...]
    changes: tuple[RankedChange, ...] = ()
    remediation: Remediation | None = None
    onset: float | None = None
    missing: tuple[str, ...] = ()
