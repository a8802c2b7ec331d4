"""Owners in a real repository reach the graph, wherever the forges let them stand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.contracts.git.conftest import Commit

from autoheal.domain.fact import NodeKind, Relation, urn
from autoheal.graph.codeowners import PLACES
from autoheal.graph.sync import Connected, Sync
from autoheal.integrations.git.forge import GitForge
from autoheal.integrations.memory.graph import MemoryGraph
from autoheal.integrations.memory.machine import MemoryClock

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.criterion(44)
@pytest.mark.parametrize("place", PLACES)
def test_the_owners_of_a_real_repository_are_known_and_nothing_is_refused(
    forge: GitForge, commit: Commit, place: str
) -> None:
    commit({place: "/services/cart/ @acme/red\n"}, "Name the owners")
    graph = MemoryGraph()
    connected = Connected(forge=forge, repositories=["shop"])
    sync = Sync(graph=graph, clock=MemoryClock(at=NOON), connected=connected, retire_after=timedelta(days=14))
    assert [taken.problem for taken in sync.run() if taken.problem] == []
    owned = graph.facts(subject=urn(NodeKind.SERVICE, "cart"), relation=Relation.OWNED_BY)
    assert [fact.object for fact in owned] == ["ah:team:default/red"]
