"""The shop with a model beside its engine, over real HTTP: what it is asked, what becomes of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.acceptance.healing_case import Case
from tests.attacks.production import HEALING, START

from autoheal.domain.investigation import Investigation
from autoheal.integrations.memory.actuator import Effect
from autoheal.ports.runs import Json
from autoheal.reasoning.settings import ReasoningSettings
from autoheal.sandbox.model.conversation import Call, Prompt

_SHOWN = re.compile(
    r'\[(?P<id>ev_\w+)\] "(?P<subject>[^"]+)" of "(?P<entity>[^"]+)": (?P<statistic>\w+) '
    r"(?:(?P<before>[-\d.e]+) before, )?(?P<after>[-\d.e]+) since"
)


@dataclass
class Thinking(Case):
    """A case whose Autoheal may ask a model where it is unsure."""

    reasoning: ReasoningSettings = ReasoningSettings(investigate=("double",))  # noqa: RUF009  frozen

    def investigations(self) -> list[Investigation]:
        """Every look, in order."""
        (incident,) = self.database.incidents.list()
        return list(self.database.incidents.investigations(incident.id))


POOL = [
    Call(name="metrics", arguments={"expression": f"max by (service) ({name})"})
    for name in ("db_pool_in_use_ratio", "db_pool_waiting")
]
"""What a good investigator asks when the engine had no query left for it."""


@dataclass
class Hidden(Thinking):
    """Three services fail alike because the pool of a fourth is full; few metrics answer, nothing else."""

    def __post_init__(self) -> None:
        self.healing = HEALING.model_copy(update={"max_metric_queries": 4})
        self.heals, self.before_step = None, _silence
        super().__post_init__()
        self.actuator.on_effect = self._restarted

    def sick(self, service: str, at: float) -> bool:
        """Whoever waits for the pool answers with errors."""
        broken = self.breaks and not self.mended and at >= START.timestamp()
        return broken and service in ("checkout", "gateway", "search")

    def _restarted(self, effect: Effect) -> None:
        self._acted(effect)
        self.mended = self.mended or effect.action.target == "payments"

    def _tell(
        self, service: str, at: float, series: dict[tuple[str, str, str], list[tuple[float, float]]]
    ) -> None:
        super()._tell(service, at, series)
        full = self.breaks and not self.mended and at >= START.timestamp() - 10
        if service == "payments":
            used, waiting = (0.99, 41.0) if full else (0.3, 0.0)
            series.setdefault(("db_pool_in_use_ratio", service, ""), []).append((at, used))
            series.setdefault(("db_pool_waiting", service, ""), []).append((at, waiting))


def _silence(case: Case, step: str) -> None:
    del step
    case.logs.broken = case.traces.broken = case.changes.broken = "out of order"


def measured(prompt: Prompt, entity: str) -> list[dict[str, Json]]:
    """Every measurement of a service in a prompt, as claims that repeat it."""
    found = (match.groupdict() for match in _SHOWN.finditer(prompt.text))
    return [
        {
            "text": "it moved",
            "evidence_id": item["id"],
            "entity": item["entity"],
            "subject": item["subject"],
            "statistic": item["statistic"],
            "before": float(item["before"]) if item["before"] else None,
            "after": float(item["after"]),
        }
        for item in found
        if item["entity"] == entity
    ]


def blames(
    entity: str, *, mechanism: str = "errors", change: str | None = None
) -> Callable[[Prompt], Mapping[str, Json]]:
    """An answer that blames a service with everything that was shown of it."""

    def answer(prompt: Prompt) -> Mapping[str, Json]:
        claims: list[Json] = [*measured(prompt, entity)[:12]]
        cause: dict[str, Json] = {
            "entity": entity,
            "mechanism": mechanism,
            "change_id": change,
            "claims_for": claims,
            "confidence": 0.9,
        }
        return {"kind": "cause", "hypotheses": [cause], "missing": []}

    return answer
