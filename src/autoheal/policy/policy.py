"""The policy file as types: deny by default, every limit safe with no file at all."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from autoheal.domain.mitigation import ActionKind, Tier
from autoheal.domain.skill import Trust

_DURATION = re.compile(r"^(\d+)(s|m|h|d)$")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(value: object) -> object:
    match = _DURATION.match(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a duration is a whole number with s, m, h or d, such as 15m")
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


Duration = Annotated[timedelta, BeforeValidator(_duration)]


def _clock_time(value: object) -> object:
    # YAML 1.1 reads an unquoted 16:00 as the number 960, which would silently become 00:16.
    if not isinstance(value, str):
        raise ValueError('a time of day stands in quotes, such as "16:00"')  # noqa: TRY004  pydantic reports ValueError
    return value


ClockTime = Annotated[time, BeforeValidator(_clock_time)]


class Strict(BaseModel):
    """A table that refuses unknown keys and cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Mode(StrEnum):
    """How far Autoheal may go in an environment."""

    OBSERVE = "observe"
    PROPOSE = "propose"
    AUTO = "auto"


class ActionRule(Strict):
    """What one verb may do; a verb without a rule is impossible."""

    tier: Tier = Tier.MEDIUM
    require_healthy_peer: bool = False
    max_replicas: int = Field(default=8, ge=1)
    max_factor: float = Field(default=2.0, gt=1)
    flags_allow: tuple[str, ...] = ("*",)


class Rates(Strict):
    """How many mitigations may run in a span of time."""

    per_incident: int = Field(default=3, ge=0)
    per_target_24h: int = Field(default=3, ge=0)
    global_1h: int = Field(default=10, ge=0)


class Cooldown(Strict):
    """How long a target rests after an action; the longer one follows an action that did not help."""

    same_target: Duration = timedelta(minutes=15)
    after_failed_verify: Duration = timedelta(minutes=60)


class Concurrency(Strict):
    """How many mitigations may be under way at once."""

    per_target: int = Field(default=1, ge=0)
    total: int = Field(default=3, ge=0)


class Storm(Strict):
    """Above this many open incidents nothing is automatic: many sick services mean one sick thing below."""

    open_incidents: int = Field(default=20, ge=1)


class EvidenceRule(Strict):
    """What a decision must rest on before it may be automatic."""

    independent_signals: int = Field(default=2, ge=1)
    min_confidence: float = Field(default=0.8, ge=0, le=1)
    automatic_authors: tuple[str, ...] = ("engine", "skill")


class ApprovalRule(Strict):
    """Who may say yes, how many, for how long."""

    needed: int = Field(default=1, ge=1)
    needed_high_tier: int = Field(default=2, ge=1)
    ttl: Duration = timedelta(minutes=15)
    approvers: tuple[str, ...] = ("*",)


class Environment(Strict):
    """What differs in one environment."""

    mode: Mode = Mode.PROPOSE
    min_trust: Trust = Trust.AUTO
    cooldown: Cooldown | None = None
    rates: Rates | None = None


class Freeze(Strict):
    """A weekly window in which only restoring to a known good state is allowed."""

    name: str
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...]
    start: ClockTime
    end: ClockTime
    timezone: str = "UTC"
    allow: tuple[ActionKind, ...] = (ActionKind.ROLLBACK, ActionKind.RESTORE_CONFIG, ActionKind.SET_FLAG)

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"no such time zone: {value}") from None
        return value

    def active(self, now: datetime) -> bool:
        """Whether the window is open now; it may reach over midnight."""
        local = now.astimezone(ZoneInfo(self.timezone))
        names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
        today, yesterday = names[local.weekday()], names[local.weekday() - 1]
        at = local.time().replace(tzinfo=None)
        if self.start <= self.end:
            return today in self.days and self.start <= at < self.end
        return (today in self.days and at >= self.start) or (yesterday in self.days and at < self.end)


class Metadata(Strict):
    """Who answers for the policy, and which version it is."""

    owner: str = "unowned"
    version: int = Field(default=1, ge=1)


def _default_actions() -> dict[ActionKind, ActionRule]:
    return {
        ActionKind.RESTART: ActionRule(tier=Tier.LOW),
        ActionKind.ROLLBACK: ActionRule(tier=Tier.MEDIUM),
        ActionKind.RESTORE_CONFIG: ActionRule(tier=Tier.MEDIUM),
        ActionKind.SET_FLAG: ActionRule(tier=Tier.LOW),
        ActionKind.SCALE: ActionRule(tier=Tier.LOW),
    }


class Policy(Strict):
    """The whole file; with no file at all these defaults stand."""

    api_version: Literal["autoheal/v1"] = Field(default="autoheal/v1", alias="apiVersion")
    kind: Literal["ActionPolicy"] = "ActionPolicy"
    metadata: Metadata = Metadata()
    mode: Mode = Mode.PROPOSE
    environments: dict[str, Environment] = Field(default_factory=dict)
    actions: dict[ActionKind, ActionRule] = Field(default_factory=_default_actions)
    protected: tuple[str, ...] = ()
    rates: Rates = Rates()
    cooldown: Cooldown = Cooldown()
    concurrency: Concurrency = Concurrency()
    storm: Storm = Storm()
    evidence: EvidenceRule = EvidenceRule()
    approval: ApprovalRule = ApprovalRule()
    freeze: tuple[Freeze, ...] = ()
    # A file may say it, none can say otherwise: what `policy.tool_tiers` does is no choice.
    unclassified_tool: Literal["deny"] = "deny"

    @property
    def version(self) -> str:
        """How decisions cite this policy."""
        return f"{self.metadata.owner}@{self.metadata.version}"

    def environment(self, name: str) -> Environment:
        """The rules of an environment; one that is not named gets the file's mode."""
        return self.environments.get(name, Environment(mode=self.mode))
