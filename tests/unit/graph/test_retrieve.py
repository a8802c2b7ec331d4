"""What memory brings back: exact keys first, the neighborhood as of then, weighed, and within a budget."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from autoheal.domain.fact import Fact, Method, NodeKind, Provenance, Relation, urn
from autoheal.graph.retrieve import Clue, Lane, retrieve
from autoheal.integrations.memory.graph import MemoryGraph

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
CLUE = Clue(
    services=["cart"], symptoms=["high-error-rate"], signature="sig_1", words="cart errors", began=NOON
)


def node(kind: NodeKind, name: str) -> str:
    return urn(kind, name)


def fact(subject: str, relation: Relation, target: str, *, hours: float = -1, method: str = "human") -> Fact:
    at = NOON + timedelta(hours=hours)
    said = Provenance(source="test", method=Method(method), asserted_at=at, actor="ann")
    return Fact(
        id=f"{subject}|{relation}|{target}|{hours}",
        subject=subject,
        relation=relation,
        object=target,
        statement=f"{subject} {relation} {target}",
        recorded_at=at,
        valid_from=at,
        provenance=(said,),
    )


MODE = node(NodeKind.FAILURE_MODE, "errors/deploy")
CART, DB = node(NodeKind.SERVICE, "cart"), node(NodeKind.SERVICE, "db")
SHOWN = fact(MODE, Relation.MANIFESTS_AS, node(NodeKind.SYMPTOM, "high-error-rate"))
HELPED = fact(MODE, Relation.MITIGATED_BY, node(NodeKind.ACTION, "rollback"))
CALLED = fact(CART, Relation.CALLS, DB)


@pytest.fixture
def graph() -> MemoryGraph:
    known = MemoryGraph()
    known.assert_facts([SHOWN, HELPED, CALLED])
    return known


def test_a_kind_of_alert_leads_to_its_failure_mode_and_to_what_helped(graph: MemoryGraph) -> None:
    found = {m.fact.id: m.lanes for m in retrieve(graph, CLUE, now=NOON).memories}
    assert found[HELPED.id] == (Lane.EXACT,)
    assert found[CALLED.id][0] is Lane.NEAR


def test_what_two_ways_find_comes_before_what_one_finds(graph: MemoryGraph) -> None:
    both = fact(CART, Relation.OWNED_BY, node(NodeKind.TEAM, "errors"))
    only = fact(CART, Relation.OWNED_BY, node(NodeKind.TEAM, "blue"))
    graph.assert_facts([both, only])
    clue = replace(CLUE, symptoms=[], words=both.statement)
    ranked = [m.fact.id for m in retrieve(graph, clue, now=NOON).memories]
    assert ranked.index(both.id) < ranked.index(only.id)


def test_a_signature_seen_before_leads_to_what_that_incident_taught(graph: MemoryGraph) -> None:
    before = node(NodeKind.INCIDENT, "inc_0")
    cause = fact(before, Relation.CAUSED_BY, node(NodeKind.CHANGE, "deploy-7"))
    graph.assert_fact(cause)
    clue = replace(CLUE, symptoms=[], words="", services=[])
    assert not retrieve(graph, clue, now=NOON).memories
    graph.add_alias("signature", "sig_1", before)
    assert [m.fact.id for m in retrieve(graph, clue, now=NOON).memories] == [cause.id]


def test_the_neighborhood_is_that_of_the_incident_not_of_today(graph: MemoryGraph) -> None:
    later = fact(CART, Relation.CALLS, node(NodeKind.SERVICE, "search"), hours=2)
    graph.assert_fact(later)
    now = NOON + timedelta(hours=3)
    clue = replace(CLUE, words="")
    assert later.id not in {m.fact.id for m in retrieve(graph, clue, now=now).memories}
    today = replace(clue, began=now)
    assert later.id in {m.fact.id for m in retrieve(graph, today, now=now).memories}


def test_a_fresh_change_comes_before_an_old_one_and_one_after_the_onset_not_at_all(
    graph: MemoryGraph,
) -> None:
    changes = [
        fact(node(NodeKind.CHANGE, name), Relation.CHANGED, CART, hours=hours)
        for name, hours in (("old", -48.0), ("fresh", -0.1), ("after", 0.5))
    ]
    graph.assert_facts(changes)
    now = NOON + timedelta(hours=1)
    ranked = [m.fact.id for m in retrieve(graph, replace(CLUE, words="changed"), now=now).memories]
    assert ranked.index(changes[1].id) < ranked.index(changes[0].id)
    assert changes[2].id not in ranked


def test_what_is_hardly_believed_is_not_brought_back(graph: MemoryGraph) -> None:
    guessed = fact(CART, Relation.CALLS, node(NodeKind.SERVICE, "ghost"), method="inferred")
    faded = fact(CART, Relation.CALLS, node(NodeKind.SERVICE, "gone"), hours=-24 * 90, method="observed")
    graph.assert_facts([guessed, faded])
    found = {m.fact.id for m in retrieve(graph, CLUE, now=NOON).memories}
    assert guessed.id in found
    assert faded.id not in found


def test_the_answer_fits_the_budget_and_says_how_much_was_left_out(graph: MemoryGraph) -> None:
    graph.assert_facts([fact(CART, Relation.CALLS, node(NodeKind.SERVICE, f"s{n}")) for n in range(50)])
    found = retrieve(graph, CLUE, now=NOON, budget_tokens=300)
    assert 0 < sum(m.tokens for m in found.memories) <= 300
    assert found.left_out == 53 - len(found.memories)
    assert all(m.fact.id in m.line for m in found.memories)
