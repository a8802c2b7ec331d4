"""How far the healing run looks, how long it waits, and what it may spend."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


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
    verify_poll_seconds: float = Field(default=10, gt=0, description="pause between looks after an action")
    verify_stable_seconds: float = Field(default=300, gt=0, description="how long the symptom must be gone")
    verify_within_seconds: float = Field(default=600, gt=0, description="when verification gives up")
    max_sample_age_seconds: float = Field(default=60, gt=0, description="older samples count as no data")
