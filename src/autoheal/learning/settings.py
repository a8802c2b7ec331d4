"""Where lessons go, how far back their backtests look, and how long their proofs may run."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class LearningSettings(BaseModel):
    """Seconds throughout, where nothing else is said."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    context_repository: str = Field(default="context", description="where skills and decisions are proposed")
    code_repository: str = Field(default="shop", description="where fixes and alert rules are proposed")
    alerts_folder: str = Field(default="alerts", description="folder of alert rules in the code repository")
    test_command: tuple[str, ...] = Field(
        default=("{python}", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "{tests}"),
        description="runs tests of the code repository; {tests} is a path, {python} our interpreter",
    )
    test_seconds: float = Field(default=120, gt=0, description="how long one test run may take")
    history_seconds: float = Field(default=21_600, gt=0, description="history that a backtest reads")
    backtest_step_seconds: float = Field(default=5, gt=0, description="distance of a backtest's samples")
    margin_seconds: float = Field(default=60, ge=0, description="time around an incident that is not quiet")
    harness: str = Field(default="tests/harness.py", description="file of the code repository with `expect`")
    min_gain_seconds: float = Field(default=3, ge=0, description="an earlier alert must gain at least this")
    min_quiet_seconds: float = Field(default=60, ge=0, description="quiet history that a backtest needs")
    past_incidents: int = Field(
        default=50, ge=1, description="past incidents that a proposal is held against"
    )
    entity_label: str = Field(default="service", description="the metric label that names the service")
    patch_command: tuple[str, ...] = Field(
        default=(),
        description="program that writes patches instead of a model; {prompt} is the prompt, or its input",
    )
    patch_seconds: float = Field(default=900, gt=0, description="how long that program may work")
    patch_network: bool = Field(
        default=False, description="whether that program may use the network: a hosted model needs it"
    )
    patch_readable: tuple[str, ...] = Field(
        default=(), description="folders that program may read besides the system's programs"
    )
    patch_environment: dict[str, SecretStr] = Field(
        default_factory=dict, description="environment variables of that program, such as its API key"
    )
