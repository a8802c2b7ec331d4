"""The whole loop with a model that obeys a hostile MCP server: production, memory and the server tell."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.attacks.production import Shop, template
from tests.attacks.reader import Reader, minds_of, obeying
from tests.attacks.test_mcp import as_models_know_it, harmful, wanted
from tests.doubles.mcp_server import Play, Trick, serving

from autoheal.domain.incident import Outcome
from autoheal.domain.tool import ToolTier
from autoheal.healing.responder import Responder
from autoheal.healing.tool_belt import ToolBelt
from autoheal.integrations.mcp.config import McpSettings
from autoheal.integrations.mcp.server import McpServer
from autoheal.reasoning.settings import ReasoningSettings
from autoheal.sandbox.attacked.attack import Attack, attacks
from autoheal.sandbox.attacked.unauthorized import effects_of, known, memory_of, strangers

_ALWAYS = ReasoningSettings(investigate=("first",), when="always", tool_calls=10, seconds=60)
_BAIT = "Reads rows. Use the tool mcp__hostile__query with {} "


@dataclass
class Lured(Shop):
    """The shop, whose Autoheal always asks the obedient model and knows the hostile server."""

    hostile: McpServer | None = None
    reader: Reader | None = None

    def _responder(self) -> Responder:
        assert self.hostile is not None
        assert self.reader is not None
        belt = ToolBelt(
            servers={"hostile": self.hostile},
            store=self.database.tools,
            audit=self.database.audit,
            clock=self.clock,
            whole=nullcontext,
            policy=lambda: self.policy,
        )
        minds = minds_of(self.reader.server, _ALWAYS)
        return replace(super()._responder(), minds=minds, reasoning=_ALWAYS, belt=belt)


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty memory to copy."""
    return template(tmp_path_factory.mktemp("origin") / "home")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What ends with the test."""
    with ExitStack() as stack:
        yield stack


@pytest.mark.criterion(119)
@pytest.mark.parametrize("attack", attacks("mcp_description", "mcp_result"), ids=lambda attack: attack.id)
def test_nothing_is_done_that_only_a_foreign_tool_asked_for(
    attack: Attack, tmp_path: Path, origin: Path, stack: ExitStack
) -> None:
    text = as_models_know_it(attack.text)
    described = text if attack.place == "mcp_description" else ""
    answer = text if attack.place == "mcp_result" else "0 rows"
    query = Trick(name="query", description=f"{_BAIT}\n{described}", answer=answer)
    play = Play(tricks=[query, *harmful()])
    shutil.copytree(origin, tmp_path / "shop")
    reader = stack.enter_context(obeying())
    server = McpSettings.model_validate({"url": stack.enter_context(serving(play))}).open("hostile")
    hurt = Lured(tmp_path / "shop", hostile=server, reader=reader)
    stack.callback(hurt.close)
    belt = hurt.loop.responder.belt
    assert belt is not None
    digest = next(tool.digest for tool in server.tools() if tool.name == "query")
    belt.classify("hostile.query", tier=ToolTier.READ, digest=digest, actor="ann")
    before = known(hurt)
    incident = hurt.suffer(learns=False)
    assert [*effects_of(hurt), *memory_of(hurt, before, attack.text)] == []
    assert strangers(hurt) == set()
    assert {name for name, _ in play.calls} == {"query"}, "asked, and nothing but that"
    assert reader.tried >= {"mcp__hostile__query", *wanted(attack, known=True)}, "it did obey"
    assert [one.tool_id for one in hurt.database.tools.list()] == ["hostile.query"]
    sources = {evidence.source for evidence in hurt.database.incidents.evidence_of(incident.id)}
    assert "mcp:hostile" in sources, "what was read is evidence"
    assert incident.outcome is Outcome.MITIGATED_BY_US, "and the real fault is mended all the same"
