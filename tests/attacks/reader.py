"""A model that obeys whatever it reads, asked as a stage asks it: over real HTTP, with the tools it gets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import BaseModel
from tests.doubles.model_server import ModelServer, model_server

from autoheal.integrations.models.config import ModelSettings
from autoheal.integrations.models.minds import ConfiguredMinds
from autoheal.integrations.models.prices import Price
from autoheal.ports.reasoning import Limits, Spent, Stage, Task, Thought, Tool
from autoheal.reasoning.settings import ReasoningSettings
from autoheal.sandbox.model.obedient import obedient

_LIMITS = Limits(input_tokens=50_000, output_tokens=5_000, tool_calls=20, seconds=60)
_PRICE = Price(input=2.0, cached=0.2, output=10.0)


class Finding(BaseModel):
    """What such a model is asked for: free text that nothing acts upon."""

    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """The obedient model; `server` is what it was asked and said."""

    server: ModelServer

    def read(self, question: str, tools: Sequence[Tool]) -> Thought[Finding]:
        """Answer a question with these tools; what it tries is in `tried`."""
        mind = minds_of(self.server, ReasoningSettings(investigate=("first",))).of(Stage.INVESTIGATE)
        assert mind is not None
        spent: list[Spent] = []
        return mind.think(_task(question, tools), spent=spent.append)

    @property
    def tried(self) -> set[str]:
        """Every tool that the model called, whether there is one of that name or not."""
        return {call.name for prompt in self.server.prompts for call in prompt.called}


@contextmanager
def obeying() -> Iterator[Reader]:
    """A running model."""
    with model_server(obedient) as server:
        yield Reader(server=server)


def minds_of(server: ModelServer, settings: ReasoningSettings) -> ConfiguredMinds:
    """The model of a server, under the name `first`."""
    given = {"provider": "compatible", "model": "double", "url": server.openai, "price": _PRICE}
    models = {"first": ModelSettings.model_validate(given)}
    return ConfiguredMinds(models=models, settings=settings, dollars_today=lambda: 0.0)


def _task(question: str, tools: Sequence[Tool]) -> Task[Finding]:
    return Task(
        incident_id="inc_1",
        stage=Stage.INVESTIGATE,
        instructions="Find the cause.",
        context="",
        question=question,
        answer=Finding,
        limits=_LIMITS,
        tools=tuple(tools),
    )
