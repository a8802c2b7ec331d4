"""Which models are asked at which stage, when, and where thinking ends."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from autoheal.ports.reasoning import Limits, Stage

When = Literal["unsure", "always", "never"]

REVIEW = Limits(input_tokens=80_000, output_tokens=8_000, tool_calls=12, seconds=300)
"""A review asks a few questions about one finding: where nothing is set, it ends here at the latest."""


class StageLimits(BaseModel):
    """The limits of one stage; what is not set is as in `[reasoning]`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input_tokens: int | None = Field(default=None, ge=1_000, description="tokens one task may read")
    output_tokens: int | None = Field(default=None, ge=200, description="tokens one task may write")
    tool_calls: int | None = Field(default=None, ge=0, description="how often one task may look")
    seconds: float | None = Field(default=None, gt=0, description="how long one task may take")

    def over(self, usual: Limits) -> Limits:
        """The usual limits, with what is set here in their place."""
        return Limits(
            input_tokens=usual.input_tokens if self.input_tokens is None else self.input_tokens,
            output_tokens=usual.output_tokens if self.output_tokens is None else self.output_tokens,
            tool_calls=usual.tool_calls if self.tool_calls is None else self.tool_calls,
            seconds=usual.seconds if self.seconds is None else self.seconds,
        )


class LimitsByStage(BaseModel):
    """Limits that differ from those of `[reasoning]`; a review ends earlier by itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    investigate: StageLimits = StageLimits()
    review: StageLimits = StageLimits()
    write: StageLimits = StageLimits()
    patch: StageLimits = StageLimits()


class ReasoningSettings(BaseModel):
    """Names of `[models.<name>]` by stage, each in the order in which they stand in for one another.

    The limits hold for each task: one investigation, one review, one text, one patch; `limits` may set
    others for a stage.
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

    limits: LimitsByStage = LimitsByStage()

    def limits_of(self, stage: Stage) -> Limits:
        """Where each task of a stage ends."""
        usual = Limits(
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            tool_calls=self.tool_calls,
            seconds=self.seconds,
        )
        by_stage = {
            Stage.INVESTIGATE: self.limits.investigate,
            Stage.REVIEW: self.limits.review,
            Stage.WRITE: self.limits.write,
            Stage.PATCH: self.limits.patch,
        }
        return by_stage[stage].over(usual.within(REVIEW) if stage is Stage.REVIEW else usual)

    def models(self, stage: Stage) -> tuple[str, ...]:
        """The models of a stage, the first one first."""
        by_stage = {
            Stage.INVESTIGATE: self.investigate,
            Stage.REVIEW: self.review,
            Stage.WRITE: self.write,
            Stage.PATCH: self.patch,
        }
        return by_stage[stage]
