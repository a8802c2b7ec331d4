"""A model writes the postmortem's account: sentences stand on cited evidence, or are dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from tests.acceptance.learning_case import Fault, World
from tests.doubles.behaviors import helpful, malformed
from tests.doubles.model_server import model_server

from autoheal.integrations.models.config import ModelSettings
from autoheal.integrations.models.minds import ConfiguredMinds
from autoheal.integrations.models.prices import Price
from autoheal.learning.material import material_of
from autoheal.learning.postmortem import postmortem_of
from autoheal.learning.prose import write_account
from autoheal.ports.runs import Json
from autoheal.reasoning.settings import ReasoningSettings
from autoheal.sandbox.model.conversation import Behavior, Prompt


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.heal(Fault(id="inc_1", change=world.bad_deploy()))
    return world


def told(world: World, behavior: Behavior) -> str:
    """The postmortem after a model that behaves so was asked."""
    with model_server(behavior) as server:
        price = Price(input=2.0, cached=0.2, output=10.0)
        settings = ModelSettings.model_validate(
            {"provider": "compatible", "model": "big", "url": server.openai, "price": price, "retries": 0}
        )
        minds = ConfiguredMinds(
            models={"writer": settings},
            settings=ReasoningSettings(write=("writer",)),
            dollars_today=lambda: 0.0,
        )
        world.lessons = replace(world.lessons, minds=minds)
        write_account(world.lessons, "inc_1")
    return postmortem_of(world.lessons, "inc_1")


def says(*sentences: tuple[str, str]) -> Behavior:
    """Answers these sentences, each with the one id it cites."""

    def answer(prompt: Prompt) -> Mapping[str, Json]:
        del prompt
        return {"sentences": [{"text": text, "evidence": [cited]} for text, cited in sentences]}

    return helpful(answer)


def cited(world: World) -> str:
    """The evidence of the claim that the verdict rests on."""
    cause = material_of(world.lessons, "inc_1").cause
    assert cause is not None
    return cause.claims_for[0].evidence_ids[0]


@pytest.mark.criterion(92)
def test_only_sentences_whose_numbers_and_names_are_in_the_cited_evidence_stand(world: World) -> None:
    evidence = cited(world)
    page = told(
        world,
        says(
            ("Errors of pricing went from 0.01 to 0.6.", evidence),
            ("Errors of pricing went up to 0.97.", evidence),
            ("Errors of payments went from 0.01 to 0.6.", evidence),
            ("Pricing failed after an invented deploy.", "ev_invented"),
        ),
    )
    assert f"- Errors of pricing went from 0.01 to 0.6. ({evidence})" in page
    assert "By the model writer" in page
    assert "0.97" not in page
    assert "Errors of payments" not in page
    assert "invented" not in page
    costs = [cost for cost in world.database.incidents.costs("inc_1") if cost.stage == "write"]
    assert [cost.dollars > 0 for cost in costs] == [True]


@pytest.mark.parametrize("behavior", [malformed, says(("All 7 regions were down.", "ev_invented"))])
def test_without_a_sentence_that_stands_the_page_is_as_without_a_model(
    world: World, behavior: Behavior
) -> None:
    before = postmortem_of(world.lessons, "inc_1")
    assert told(world, behavior) == before
    assert "## In words" not in before
