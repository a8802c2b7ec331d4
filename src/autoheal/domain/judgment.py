"""A person's word on a verdict: whether it was right, what was really there, and where it went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from autoheal.domain.investigation import Mechanism


class Stage(StrEnum):
    """The steps of an investigation in the order in which one can go wrong."""

    RECALL = "recall"
    COLLECT = "collect"
    HYPOTHESES = "hypotheses"
    RANK = "rank"
    REVIEW = "review"
    CONCLUDE = "conclude"
    REASON = "reason"
    ASK = "ask"


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What was really there: the service at fault (None where there was no fault), how, by which change."""

    entity: str | None
    mechanism: Mechanism | None = None
    change_id: str | None = None

    def __str__(self) -> str:
        if self.entity is None:
            return "there was no fault"
        how = f" ({self.mechanism.replace('_', ' ')})" if self.mechanism else ""
        by = f", since {self.change_id}" if self.change_id else ""
        return f"{self.entity}{how}{by}"

    def __post_init__(self) -> None:
        if self.entity is None and (self.mechanism or self.change_id):
            raise ValueError("without a fault there is neither a mechanism nor a change")


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What a person says of a verdict: that it was right (no truth), or what was really there instead."""

    actor: str
    truth: Truth | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Misstep:
    """The first wrong step: which, in which investigation, why it was wrong, resting on which evidence."""

    stage: Stage
    investigation_id: str
    text: str
    evidence_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgment:
    """One person's word on the last verdict of an incident; a wrong one names the truth and the misstep.

    confidence is what the verdict had stated.
    """

    incident_id: str
    investigation_id: str
    actor: str
    judged_at: datetime
    right: bool
    confidence: float
    truth: Truth | None = None
    misstep: Misstep | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if self.right == (self.misstep is not None):
            raise ValueError("a wrong verdict has a first wrong step, and a right one has none")

    @property
    def says(self) -> str:
        """The judgment in one sentence."""
        step = self.misstep
        if step is None:
            return f"the verdict was right, says {self.actor}"
        wrong = f"the verdict was wrong, says {self.actor}: {self.truth}"
        return f"{wrong}; first wrong step {step.stage}: {step.text}"
