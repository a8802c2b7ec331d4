"""What stands in where a system is not configured: it says so, and acts closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoheal.domain.errors import NotFoundError, UnreachableError
from autoheal.domain.evidence import Failed
from autoheal.domain.mitigation import Action
from autoheal.ports.production import EffectResult, TargetState
from autoheal.ports.telemetry import AlertRule, QueryResult

_NO_METRICS = "no metrics backend is configured: set sources.prometheus.url"
_NO_PLATFORM = "no platform is configured: set platform.url"


@dataclass(frozen=True, slots=True)
class NoMetrics:
    """The Metrics port without a backend."""

    name: str = "no metrics"

    def range(
        self, expression: str, *, start: float, end: float, step: float, subject: str = ""
    ) -> QueryResult:
        """Always failed."""
        del expression, start, end, step, subject
        return QueryResult(answer=Failed(reason=_NO_METRICS))

    def instant(self, expression: str, *, at: float) -> QueryResult:
        """Always failed."""
        del expression, at
        return QueryResult(answer=Failed(reason=_NO_METRICS))

    def catalog(self) -> Mapping[str, str]:
        """Nothing."""
        return {}

    def alert_rules(self) -> Sequence[AlertRule]:
        """Nothing."""
        return ()


@dataclass(frozen=True, slots=True)
class NoActuator:
    """The Actuator port without a production: every mitigation is left to a person."""

    name: str = "no platform"

    def state(self, target: str) -> TargetState:
        """Nothing can be acted on."""
        raise NotFoundError(f"{target}: {_NO_PLATFORM}")

    def plan(self, action: Action) -> str:
        """What would be done, were there a platform."""
        return f"{action}: {_NO_PLATFORM}"

    def fence(self, target: str, epoch: int) -> None:
        """Impossible."""
        raise UnreachableError(f"{target}, epoch {epoch}: {_NO_PLATFORM}")

    def execute(self, action: Action, *, key: str, version: int, epoch: int) -> EffectResult:
        """Impossible."""
        raise UnreachableError(f"{action}, {key} at {version}, epoch {epoch}: {_NO_PLATFORM}")

    def outcome(self, key: str) -> EffectResult | None:
        """Nothing was ever done."""
        del key
        return None
