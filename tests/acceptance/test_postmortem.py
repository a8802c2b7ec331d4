"""A draft exists when an incident closes; only what a person published is found in the next like incident."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.acceptance.test_memory import live

from autoheal.domain.errors import RefusedError
from autoheal.domain.fact import Relation
from autoheal.graph.sync import Connected, Sync
from autoheal.healing.bring_back import SOURCE
from autoheal.learning.context_index import ContextIndex
from autoheal.learning.knowledge import Knowledge
from autoheal.sandbox.simulated.world import World, template

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "world", template(tmp_path / "empty"))
    yield made
    made.wipe()


def knowledge(world: World) -> Knowledge:
    """What people may do with what this world knows."""
    lessons = world._lessons(world._gatherer())  # noqa: SLF001  the world opens no door to its parts
    graph, clock = world.database.graph, lessons.clock
    sync = Sync(graph=graph, clock=clock, connected=Connected(), retire_after=timedelta(days=14))
    index = ContextIndex(graph=graph, forge=lessons.forge, clock=clock)
    return Knowledge(
        graph=graph,
        archive=world.database.archive,
        curation=world.database.curation,
        clock=clock,
        lessons=lessons,
        sync=sync,
        index=index,
    )


def described(world: World, incident_id: str) -> list[str]:
    """What memory brought back of postmortems."""
    incidents = world.database.incidents
    asked = [e for e in incidents.evidence_of(incident_id) if e.source == SOURCE]
    ids = [row.subject for evidence in asked for row in incidents.rows(evidence.id)]
    found = world.database.graph.facts_with(ids)
    return [fact.statement for fact in found if fact.relation is Relation.DESCRIBES]


@pytest.mark.criterion(92)
def test_a_closed_incident_has_a_draft_whose_timeline_cites_evidence_and_a_machine_cannot_publish_it(
    world: World,
) -> None:
    first = live(world, 1)
    known = knowledge(world)
    draft = known.postmortem(first)
    timeline = draft.partition("## Timeline")[2].partition("\n## ")[0].strip().splitlines()
    assert timeline
    stored = {evidence.id for evidence in world.database.incidents.evidence_of(first)}
    for line in timeline:
        cited = line.rpartition("(")[2].removesuffix(")").split(", ")
        assert cited
        assert set(cited) <= stored
    with pytest.raises(RefusedError):
        known.publish(first, actor="autoheal")


@pytest.mark.criterion(93)
def test_a_published_postmortem_comes_back_in_the_next_like_incident_and_a_draft_does_not(
    world: World,
) -> None:
    first = live(world, 1)
    known = knowledge(world)
    assert known.postmortem(first)
    assert described(world, live(world, 2)) == []
    known.publish(first, actor="ann")
    (said, *_) = described(world, live(world, 3))
    assert said.startswith(f"postmortem of {first}")
    kinds = [record.kind for record in world.database.audit.records(first)]
    assert "postmortem.published" in kinds
