"""Who thinks at which stage, as long as the day's money lasts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from pydantic import BaseModel

from autoheal.integrations.models.config import ModelSettings
from autoheal.integrations.models.gate import Gate
from autoheal.ports.reasoning import Ending, Mind, Spent, Stage, Task, Thought
from autoheal.reasoning.settings import ReasoningSettings

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredMinds:
    """The configured models; dollars_today is what models have cost since midnight UTC."""

    models: Mapping[str, ModelSettings]
    settings: ReasoningSettings
    dollars_today: Callable[[], float]
    gates: Mapping[str, Gate] = field(init=False)

    def __post_init__(self) -> None:
        gates = {
            name: Gate(at_once=model.calls_at_once, per_minute=model.calls_per_minute)
            for name, model in self.models.items()
        }
        object.__setattr__(self, "gates", gates)

    def of(self, stage: Stage, *, other_than: Collection[str] = ()) -> Mind | None:
        """Who thinks at that stage; see the port."""
        barred = {_identity(self.models[name]) for name in other_than if name in self.models}
        configured = self.settings.models(stage)
        names = [name for name in configured if _identity(self.models[name]) not in barred]
        if not names:
            return None
        return ThriftyMind(models={name: self.models[name] for name in names}, minds=self)

    def each(self) -> Mapping[str, Mind]:
        """Every configured model on its own, whether a stage names it or not."""
        return {name: ThriftyMind(models={name: model}, minds=self) for name, model in self.models.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class ThriftyMind:
    """Thinks only while the day's money lasts; pydantic-ai is imported with its first thought."""

    models: Mapping[str, ModelSettings]
    minds: ConfiguredMinds

    def think(self, task: Task[T], *, spent: Callable[[Spent], None]) -> Thought[T]:
        """Answer the task; see the port."""
        limit, gone = self.minds.settings.dollars_per_day, self.minds.dollars_today()
        if gone >= limit:
            reason = f"models have cost ${gone:.2f} today, of ${limit:.2f}"
            return Thought(answer=None, ending=Ending.LIMIT, model=next(iter(self.models)), reason=reason)
        from autoheal.integrations.models.mind import ModelMind  # optional

        mind = ModelMind(models=self.models, gates=self.minds.gates, dollars_left=limit - gone)
        tightest = task.limits.within(self.minds.settings.limits_of(task.stage))
        return mind.think(replace(task, limits=tightest), spent=spent)


def _identity(model: ModelSettings) -> tuple[str, str, str]:
    """What makes two entries of the settings the same model."""
    return model.provider, model.model, str(model.url or "")
