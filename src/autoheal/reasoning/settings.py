"""Which models are asked at which stage, when, and where thinking ends."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from autoheal.ports.reasoning import Limits, Stage

When = Literal["unsure", "always", "never"]


class ReasoningSettings(BaseModel):
    """Names of `[models.<name>]` by stage, each in the order in which they stand in for one another.

    The limits hold for each task: one investigation, one review, one text, one patch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: When = Field(
        default="unsure", description="when an investigation asks a model: unsure, always or never"
    )
    investigate: tuple[str, ...] = Field(default=(), description="models that investigate; none by default")
    review: tuple[str, ...] = Field(default=(), description="models that try to refute a finding")
    write: tuple[str, ...] = Field(default=(), description="models that write postmortems and skill prose")
    patch: tuple[str, ...] = Field(default=(), description="models that write the patch of a Fix PR")
    input_tokens: int = Field(default=200_000, ge=1_000, description="tokens a task may read, over all calls")
    output_tokens: int = Field(default=20_000, ge=200, description="tokens a task may write, over all calls")
    tool_calls: int = Field(default=40, ge=0, description="how often a task may look at production")
    seconds: float = Field(default=600, gt=0, description="how long a task may take")
    dollars_per_day: float = Field(
        default=50, ge=0, description="when models have cost this much since midnight UTC, none is asked"
    )

    @property
    def limits(self) -> Limits:
        """Where each task ends."""
        return Limits(
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            tool_calls=self.tool_calls,
            seconds=self.seconds,
        )

    def models(self, stage: Stage) -> tuple[str, ...]:
        """The models of a stage, the first one first."""
        by_stage = {
            Stage.INVESTIGATE: self.investigate,
            Stage.REVIEW: self.review,
            Stage.WRITE: self.write,
            Stage.PATCH: self.patch,
        }
        return by_stage[stage]
