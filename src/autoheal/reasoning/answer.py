"""What a model may answer: causes from a closed list of mechanisms, each claim with its numbers."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from autoheal.domain.evidence import Statistic
from autoheal.domain.investigation import Mechanism

_NAME = 300
_SENTENCE = 400


class CitedClaim(BaseModel):
    """One measured fact as it was shown: where it stands, and the same numbers again."""

    model_config = ConfigDict(frozen=True)

    text: str = Field(default="", max_length=_SENTENCE, description="the claim in one sentence")
    evidence_id: str = Field(max_length=_NAME, description="the id in brackets before the measurement")
    entity: str = Field(max_length=_NAME, description="the service it was measured at")
    subject: str = Field(max_length=_NAME, description="what was measured, as it stands in quotes")
    statistic: Statistic = Field(description="median, max, count or last, as shown")
    before: float | None = Field(default=None, description="the value before the onset, as shown")
    after: float = Field(description="the value since the onset, as shown")


class Candidate(BaseModel):
    """One possible cause with what speaks for and against it."""

    model_config = ConfigDict(frozen=True)

    entity: str = Field(max_length=_NAME, description="the service where the fault is, by its name")
    mechanism: Mechanism = Field(description="how it fails")
    change_id: str | None = Field(
        default=None, max_length=_NAME, description="the change that brought it, if any"
    )
    claims_for: tuple[CitedClaim, ...] = Field(default=(), max_length=12)
    claims_against: tuple[CitedClaim, ...] = Field(default=(), max_length=12)
    confidence: float = Field(ge=0, le=1, description="the probability that this is the cause")


class Findings(BaseModel):
    """The whole answer; `inconclusive` with what is missing is as good an answer as a cause."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["cause", "inconclusive"] = Field(description="cause, or inconclusive")
    hypotheses: tuple[Candidate, ...] = Field(default=(), max_length=5, description="best first")
    missing: tuple[str, ...] = Field(
        default=(), max_length=8, description="what would have to be known to be sure"
    )
