"""Hypotheses for and against, and a verdict with its confidence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from autoheal.domain.evidence import Claim


class Mechanism(StrEnum):
    """How a thing fails, as the evidence engine tells mechanisms apart."""

    RESOURCE_EXHAUSTION = "resource_exhaustion"
    DEPENDENCY_LATENCY = "dependency_latency"
    ERRORS = "errors"
    NETWORK_DELAY = "network_delay"
    CRASH = "crash"
    CONFIGURATION = "configuration"
    DEPLOY = "deploy"
    LOAD = "load"
    UNKNOWN = "unknown"


class VerdictKind(StrEnum):
    """What an investigation may conclude."""

    CAUSE = "cause"
    NOISE = "noise"
    INCONCLUSIVE = "inconclusive"


class HypothesisState(StrEnum):
    """What became of a hypothesis."""

    LEADING = "leading"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNTESTED = "untested"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """A probability between 0 and 1, and the reason a person would give for it."""

    value: float
    reason: str

    def __post_init__(self) -> None:
        if not 0.0 <= self.value <= 1.0:
            raise ValueError(f"confidence {self.value} is not between 0 and 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """One possible cause: where, how, by which change; author is the engine, a skill, a model or a person."""

    id: str
    entity: str
    mechanism: Mechanism
    statement: str
    score: float
    confidence: float
    author: str
    state: HypothesisState
    change_id: str | None = None
    remediations: tuple[str, ...] = ()
    claims_for: tuple[Claim, ...] = ()
    claims_against: tuple[Claim, ...] = ()
    not_tested_because: str = ""
    shows_as: Mechanism | None = None
    """How it fails whatever brought it; the mechanism itself may be the change that is to be undone."""

    def __post_init__(self) -> None:
        dropped = self.state in (HypothesisState.REJECTED, HypothesisState.UNTESTED)
        if dropped and not self.claims_against and not self.not_tested_because:
            raise ValueError(f"hypothesis {self.id} is {self.state} without counter-evidence or reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """One test the reviewer ran against the leading hypothesis, and whether the hypothesis survived it."""

    test: str
    passed: bool
    text: str
    evidence_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """An attempt to refute; no review, or one that failed to run, never counts as passed.

    absent says why the review that the settings ask for did not take place, where nothing else refuted: then
    the finding may be shown and proposed, as not reviewed, and nothing follows without a person's yes.
    """

    reviewer: str
    hypothesis_id: str
    objections: tuple[Objection, ...]
    completed: bool
    absent: str = ""

    def __post_init__(self) -> None:
        if self.absent and self.completed:
            raise ValueError(f"a review of {self.hypothesis_id} cannot be both absent and completed")

    @property
    def passed(self) -> bool:
        """Whether every test ran and none refuted."""
        return self.completed and bool(self.objections) and all(o.passed for o in self.objections)

    @property
    def holds(self) -> bool:
        """Whether nothing refutes: it passed, or there was nobody to refute it."""
        return self.passed or bool(self.absent)

    @property
    def refutations(self) -> tuple[str, ...]:
        """What each test that refuted says."""
        return tuple(f"{o.test}: {o.text}" for o in self.objections if not o.passed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The conclusion: a cause names its hypothesis; inconclusive names what is missing."""

    kind: VerdictKind
    hypothesis_id: str | None
    confidence: Confidence
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.kind is VerdictKind.CAUSE) != (self.hypothesis_id is not None):
            raise ValueError(f"a verdict of {self.kind} and hypothesis {self.hypothesis_id} do not fit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Investigation:
    """One attempt to find the cause of one incident."""

    id: str
    incident_id: str
    attempt: int
    started_at: datetime
    ended_at: datetime
    hypotheses: tuple[Hypothesis, ...]
    verdict: Verdict
    review: Review | None = None
    onset: float | None = None
    path: tuple[str, ...] = ()

    @property
    def leading(self) -> Hypothesis | None:
        """The hypothesis the verdict names."""
        named = (h for h in self.hypotheses if h.id == self.verdict.hypothesis_id)
        return next(named, None)

    @property
    def unreviewed(self) -> str:
        """Why the cause does not count as reviewed; empty where it does, and where no cause is named."""
        leading, review = self.leading, self.review
        if leading is None:
            return ""
        if review is None or review.hypothesis_id != leading.id:
            return "nobody reviewed it"
        return "" if review.passed else review.absent or "its review was not passed"
