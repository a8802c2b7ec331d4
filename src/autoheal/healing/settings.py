"""How far the healing run looks, how long it waits, and what it may spend."""

from __future__ import annotations

from datetime import time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator


class AskSettings(BaseModel):
    """Whether and when a person is asked what only they may know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = Field(default=False, description="ask one person before paging when no cause is found")
    on_call: tuple[str, ...] = Field(default=(), description="whom to ask when the graph knows nobody")
    patience_seconds: float = Field(default=300, ge=0, description="wait for an answer; critical: no wait")
    per_person_per_day: int = Field(default=3, ge=0, description="questions to one person in 24 hours")
    quiet_from: time = Field(default=time(22), description="from this time of day nobody is asked")
    quiet_until: time = Field(default=time(7), description="until this time of day nobody is asked")
    timezone: str = Field(default="UTC", description="time zone of the quiet hours")

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"no such time zone: {value}") from None
        return value


class HealingSettings(BaseModel):
    """Seconds throughout, where nothing else is said."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    entity_label: str = Field(default="service", description="the metric label that names the service")
    baseline_seconds: float = Field(default=900, gt=0, description="history read before the first alert")
    rate_window_seconds: int = Field(default=60, ge=2, description="window of rate(); at least 4 scrapes")
    max_points: int = Field(default=150, ge=30, description="samples per series of a range query")
    max_metric_queries: int = Field(default=48, ge=4, description="metric queries of one investigation")
    max_log_lines: int = Field(default=5_000, ge=100, description="log lines of one investigation")
    max_spans: int = Field(default=5_000, ge=100, description="spans of one investigation")
    change_lookback_seconds: float = Field(default=3_600, gt=0, description="how old a change may be")
    settle_seconds: float = Field(default=5, ge=0, description="wait after the alert before looking")
    second_look_seconds: float = Field(default=20, ge=0, description="wait before an unsure look is repeated")
    max_looks: int = Field(default=3, ge=1, description="looks before the verdict stays inconclusive")
    max_attempts: int = Field(default=3, ge=1, description="hypotheses acted on before a person is paged")
    act_confidence: float = Field(default=0.5, ge=0, le=1, description="below this nothing is proposed")
    review: bool = Field(
        default=True, description="try to refute each finding; without, a person must say yes to each action"
    )
    verify_poll_seconds: float = Field(default=10, gt=0, description="pause between looks after an action")
    verify_stable_seconds: float = Field(default=300, gt=0, description="how long the symptom must be gone")
    verify_within_seconds: float = Field(default=600, gt=0, description="when verification gives up")
    max_sample_age_seconds: float = Field(default=60, gt=0, description="older samples count as no data")
    ask: AskSettings = AskSettings()
