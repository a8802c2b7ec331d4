"""A person's answer that no run could hear when it was given counts all the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tests.unit.surfaces.stage import story

from autoheal.config import Config
from autoheal.domain.approval import Decision
from autoheal.domain.errors import UnreachableError
from autoheal.healing.decide import remind
from autoheal.integrations.memory.runs import MemoryRuns
from autoheal.ports.runs import Json
from autoheal.wiring import wire


@dataclass(slots=True)
class _Deaf:
    """No run hears anything just now."""

    def start(self, workflow: str, subject: str) -> None:
        raise UnreachableError(f"{workflow} {subject}: no worker")

    def tell(self, workflow: str, subject: str, topic: str, message: Json, *, once: str) -> None:
        raise UnreachableError(f"{workflow} {subject} {topic} {message} {once}: nobody hears")


def test_a_yes_that_no_run_could_hear_is_stored_and_told_once_one_hears(tmp_path: Path) -> None:
    app = wire(Config(home=tmp_path / "home"))
    intake = replace(app.loop.intake, runs=MemoryRuns())
    app = replace(app, runs=_Deaf(), loop=replace(app.loop, intake=intake))
    story(app)
    mitigation = app.mitigations_waiting()[0]
    said = app.decide(
        mitigation.id, digest=mitigation.digest, decision=Decision.APPROVED, actor="ann", channel="cli"
    )
    assert said in app.memory.mitigations.approvals(mitigation.id)
    hearing = MemoryRuns()
    remind(replace(app.loop.responder, runs=_Deaf()))
    remind(replace(app.loop.responder, runs=hearing))
    topic = f"approval-{mitigation.id}"
    assert hearing.told[said.id] == ("heal", mitigation.incident_id, topic, "approved")
    app.stop()
