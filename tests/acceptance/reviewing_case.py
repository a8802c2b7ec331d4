"""The shop with a model as second reviewer, over real HTTP: what it is shown, what its word is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.acceptance.thinking_case import Hidden, Thinking, measured
from tests.doubles.behaviors import helpful
from tests.doubles.model_server import ModelServer

from autoheal.integrations.models.config import ModelSettings
from autoheal.integrations.models.minds import ConfiguredMinds
from autoheal.ports.runs import Json
from autoheal.sandbox.model.conversation import Behavior, Call, Prompt

OWN_LOOK = [Call(name="metrics", arguments={"expression": "max by (service) (up)"})]
"""A query that the author did not ask."""


@dataclass
class Reviewed(Thinking):
    """A case whose findings a model called `critic` tries to refute; `twin` is the author by another name."""

    critic: ModelServer | None = None

    def _minds(self) -> ConfiguredMinds | None:
        urls = {"double": self.server, "twin": self.server, "critic": self.critic}
        models = {name: _model(server) for name, server in urls.items() if server is not None}
        return ConfiguredMinds(models=models, settings=self.reasoning, dollars_today=lambda: 0.0)


@dataclass
class HiddenReviewed(Reviewed, Hidden):
    """The same where only a model finds the cause."""


def _model(server: ModelServer) -> ModelSettings:
    told = {"provider": "compatible", "model": "double", "url": server.openai, "retries": 0}
    price = {"input": 2.0, "cached": 0.2, "output": 10.0}
    return ModelSettings.model_validate(told | {"price": price})


def says(answer: Mapping[str, Json]) -> Behavior:
    """A reviewer that looks once for itself, then says this whatever it saw."""
    return helpful(lambda prompt: answer, asks=OWN_LOOK)  # noqa: ARG005  it does not read


def stands(prompt: Prompt) -> Mapping[str, Json]:
    """What a reviewer says that found nothing."""
    del prompt
    return {"kind": "stands"}


def refutes(entity: str, ground: str) -> Callable[[Prompt], Mapping[str, Json]]:
    """A refutation with everything that was shown of a service."""

    def answer(prompt: Prompt) -> Mapping[str, Json]:
        claims: list[Json] = [*measured(prompt, entity)[:6]]
        return {"kind": "refuted", "refutations": [{"ground": ground, "claims": claims}]}

    return answer
