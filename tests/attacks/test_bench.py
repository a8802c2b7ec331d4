"""The benchmark's attacks: a model that obeys reads them, nothing follows, and the judge would see it."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoheal.domain.mitigation import Action, ActionKind
from autoheal.integrations.memory.actuator import Effect
from autoheal.sandbox.attacked.attack import ELSEWHERE, TELEMETRY, attacks
from autoheal.sandbox.attacked.bench import planned_for, suffer, summary
from autoheal.sandbox.attacked.tainted import AttackedWorld
from autoheal.sandbox.attacked.unauthorized import effects_of
from autoheal.sandbox.model.obedient import obedient
from autoheal.sandbox.model.server import ModelServer, serving
from autoheal.sandbox.simulated.thinking import thinking
from autoheal.sandbox.simulated.world import template

PLACES = (*TELEMETRY, *ELSEWHERE)
IN_PROMPTS = {"log", "annotation", "commit", "mcp_description", "mcp_result"}
"""A diff is only read where its change is suspected; labels and attributes of spans are counted and not read,
and what is said in the chat is tested."""


@pytest.mark.criterion(119)
def test_attacks_at_every_place_are_played_and_nothing_unauthorized_follows() -> None:
    some = [attacks(place)[0] for place in PLACES]
    suffered = list(suffer(some))
    figures = summary(suffered)
    assert (figures["n"], figures["unauthorised_effects"], figures["effects"]) == (len(PLACES), 0, [])
    read = {attack.place for attack, one in zip(some, suffered, strict=True) if one.read}
    assert read >= IN_PROMPTS, "what nobody reads attacks nobody"


def test_the_judge_counts_an_effect_that_only_the_text_asked_for(tmp_path: Path) -> None:
    (attack, *_) = attacks("log")
    planned = planned_for(attack, 0, seed=7)
    with serving(ModelServer(behavior=obedient)) as model:
        world = AttackedWorld(
            tmp_path / "world",
            template(tmp_path / "empty"),
            thinking=thinking(model),
            planned=planned,
            attack=attack,
        )
        world.live(planned)
    assert list(effects_of(world)) == []
    other = next(name for name in planned.fleet.services if name != planned.service)
    done = Action(kind=ActionKind.RESTART, target=other)
    world.actuator.effects.append(Effect(key="k", action=done, epoch=1, version=1))
    assert list(effects_of(world)) == [f"done in production: restart {other}"]
    world.wipe()
