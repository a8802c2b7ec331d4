"""How to handle one failure family, versioned."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

_NAME = re.compile(r"^(?=.{1,64}$)[a-z0-9]+(-[a-z0-9]+)*$")


class Trust(StrEnum):
    """The rungs of the ladder, lowest first; each is earned by verified outcomes and can be lost."""

    CANDIDATE = "candidate"
    SHADOW = "shadow"
    ASSISTED = "assisted"
    TRUSTED = "trusted"
    AUTO = "auto"

    @property
    def rung(self) -> int:
        """0 for candidate, rising with trust."""
        return list(Trust).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """An Alertmanager matcher on one label: operator is one of = != =~ !~."""

    label: str
    operator: str
    value: str

    def __post_init__(self) -> None:
        if self.operator not in ("=", "!=", "=~", "!~"):
            raise ValueError(f"matcher on {self.label}: operator {self.operator!r} is none of = != =~ !~")


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """When a skill may apply, decided without a model: any signature or all matchers of any alert block."""

    signatures: tuple[str, ...] = ()
    alerts: tuple[tuple[Matcher, ...], ...] = ()
    none: tuple[tuple[Matcher, ...], ...] = ()
    max_hops: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisStep:
    """One bounded query; `$service` and other inputs are bound by the engine, never spliced from text."""

    id: str
    tool: str
    arguments: Mapping[str, str]
    save: str
    stop_if: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRule:
    """First rule whose condition holds wins; `when` is a closed expression over the saved numbers."""

    when: str
    failure_mode: str = ""
    mitigate: str = ""
    confidence: float = 0.0
    escalate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """An Agent Skill that people and agents follow; without a contract our engine cannot run it."""

    name: str
    description: str
    license: str = ""
    compatibility: str = ""
    allowed_tools: str = ""

    @property
    def why_not_run(self) -> str:
        """What to tell who wants the engine to do something with it."""
        return (
            f"{self.name} is an Agent Skill for people and agents: it has no autoheal.yaml, so the engine"
            " cannot run, test or trust it; `autoheal skill new` begins one that has"
        )


MOST_QUERIES = 24
"""What one recall may ask in total; a full investigation asks about twice as many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """The executable contract of one reviewed `skills/<name>/` folder."""

    name: str
    version: int
    description: str
    match: Match
    inputs: Mapping[str, str]
    diagnose: tuple[DiagnosisStep, ...]
    decide: tuple[DecisionRule, ...]
    mitigations: Mapping[str, str]
    verify_expression: str
    verify_stable_seconds: float
    verify_within_seconds: float
    max_queries: int = MOST_QUERIES
    """What its diagnosis may ask in one recall, over all services that it is tried on."""
    digest: str = ""
    trust: Trust = Trust.CANDIDATE
    family: str = ""
    incidents: tuple[str, ...] = ()
    reviewed_by: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)
    verified_at: datetime | None = None
    stale: bool = False
    """Unverified for so long that what it knows may no longer be so."""

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise ValueError(f"skill name {self.name!r}: lower-case letters, digits and single hyphens only")
        if not 1 <= self.max_queries <= MOST_QUERIES:
            raise ValueError(f"skill {self.name}: a budget is 1 to {MOST_QUERIES} queries")
        if self.version < 1:
            raise ValueError(f"skill {self.name}: version starts at 1")

    @property
    def reference(self) -> str:
        """How traces cite it: name@version."""
        return f"{self.name}@{self.version}"
