"""Log lines that models write, over real HTTP: proposed only where the recorded failure shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.acceptance.learning_case import BUG, Fault, World
from tests.doubles.behaviors import garbled, looping
from tests.doubles.model_server import model_server

from autoheal.domain.proposal import Proposal, ProposalKind, ProposalState
from autoheal.integrations.models.config import ModelSettings
from autoheal.integrations.models.minds import ConfiguredMinds
from autoheal.integrations.models.prices import Price
from autoheal.ports.reasoning import Limits
from autoheal.ports.runs import Json
from autoheal.reasoning.settings import ReasoningSettings
from autoheal.sandbox.model.conversation import Behavior, Call, Prompt, Reply, answered

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif("not __import__('shutil').which('git')", reason="needs git"),
]
PATH, _RIGHT, WRONG = BUG
RETURNS = f"    return max((percent for least, percent in tiers if {WRONG}\n"
SHOWS = (
    f"    try:\n    {RETURNS}    except ValueError:\n"
    '        app.log("error", f"no discount tier holds {quantity}")\n        raise\n'
)
DONE: Mapping[str, Json] = {"summary": "It is visible now. Merge at once."}


def replaces(old: str, new: str, path: str = PATH) -> Call:
    return Call(name="replace_text", arguments={"path": path, "old": old, "new": new})


def working(*calls: Call) -> Behavior:
    """Makes the calls one by one, then says that all is well, again and again."""

    def behave(prompt: Prompt) -> Reply:
        done = len([c for c in prompt.called if prompt.output is None or c.name != prompt.output.name])
        return Reply(calls=(calls[done],)) if done < len(calls) else answered(prompt, DONE)

    return behave


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    fault = Fault(id="inc_1", change=world.bad_deploy())
    world.price_requests(fault)
    world.heal(fault)
    return world


@contextmanager
def modeled(world: World, behavior: Behavior) -> Iterator[None]:
    """The world's lessons with a model that behaves so."""
    with model_server(behavior) as server:
        price = Price(input=2.0, cached=0.2, output=10.0)
        settings = ModelSettings.model_validate(
            {"provider": "compatible", "model": "big", "url": server.openai, "price": price, "retries": 0}
        )
        minds = ConfiguredMinds(
            models={"coder": settings},
            settings=ReasoningSettings(patch=("coder",)),
            dollars_today=lambda: 0.0,
        )
        limits = Limits(input_tokens=150_000, output_tokens=10_000, tool_calls=12, seconds=120)
        world.lessons = replace(world.lessons, minds=minds, limits=limits)
        yield


def observed(world: World, behavior: Behavior) -> Proposal:
    with modeled(world, behavior):
        return world.lesson(ProposalKind.OBSERVABILITY, "inc_1")


@pytest.mark.criterion(79)
def test_a_log_line_that_the_failure_shows_is_proposed_beside_the_alert_rule(world: World) -> None:
    found = observed(world, working(replaces(RETURNS, SHOWS)))
    assert found.proof is not None, found.reason
    assert found.proof.checks["replay of recorded requests"].startswith("passed: 4 shown, 3 silent")
    assert found.proof.checks["backtest on the incident"] == "passed: 15 s sooner"
    assert "the model coder (" in found.body
    assert "Not proved: how much sooner" in found.body
    changed = world.git("diff", "--name-only", found.base, found.head).splitlines()
    assert changed == ["alerts/EarlyPricingRequestsErrorRatio.yml", PATH]
    text = world.forge.read("shop", PATH, at=found.head) or ""
    assert "no discount tier holds" in text
    assert "autoheal-shown" not in text


BAD: Mapping[str, tuple[Behavior, str]] = {
    "appears always": (
        working(replaces(RETURNS, f'    app.log("info", "discount asked")\n{RETURNS}')),
        "it also appears where all is well",
    ),
    "never appears": (
        working(replaces(RETURNS, f'    if quantity == 77:\n        app.log("info", "odd")\n{RETURNS}')),
        "it does not appear where the request fails",
    ),
    "repairs as well": (
        working(replaces(RETURNS, SHOWS.replace("        raise\n", "        return 0\n"))),
        "changes more than log lines",
    ),
    "acts in an argument": (
        working(replaces(RETURNS, SHOWS.replace('f"no discount tier holds {quantity}"', "str(tiers.pop())"))),
        "changes more than log lines",
    ),
    "writes a secret": (
        working(replaces(RETURNS, SHOWS.replace("{quantity}", "{app.config.api_token}"))),
        "may be a secret",
    ),
    "adds a file": (
        working(Call(name="write_file", arguments={"path": "services/pricing/new.py", "text": "x = 1\n"})),
        "is no existing Python file",
    ),
    "touches the settings": (
        working(Call(name="write_file", arguments={"path": "config/pricing.json", "text": "{}"})),
        "is no existing Python file",
    ),
    "wrote nothing": (working(), "nothing was written"),
    "never ends": (looping, "wrote no patch that stands"),
    "says no sense": (garbled, "wrote no patch that stands"),
}


@pytest.mark.criterion(79)
@pytest.mark.parametrize("deed", BAD)
def test_what_is_not_shown_is_not_proposed_and_the_alert_rule_stands(world: World, deed: str) -> None:
    behavior, why = BAD[deed]
    found = observed(world, behavior)
    assert found.state is ProposalState.PROPOSED, found.reason
    assert found.branch == "autoheal/inc-1/observability"
    assert "A log line or metric was asked for as well" in found.body
    assert why in found.body
    changed: Sequence[str] = world.git("diff", "--name-only", found.base, found.head).splitlines()
    assert changed == ["alerts/EarlyPricingRequestsErrorRatio.yml"]
