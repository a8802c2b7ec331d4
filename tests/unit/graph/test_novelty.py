"""What is new has a score and a reason; what was seen before under other names is not new."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from autoheal.domain.fact import Fact, Method, NodeKind, Provenance, Relation, urn
from autoheal.graph.novelty import (
    CONTRADICTED,
    RECALLED,
    Novelty,
    Precedent,
    after_recall,
    novelty,
    precedents,
)
from autoheal.integrations.memory.graph import MemoryGraph

NOW = datetime(2026, 5, 4, tzinfo=UTC)
KINDS = st.frozensets(st.sampled_from(["errors", "latency", "disk-full", "lag", "down"]), min_size=1)


def before(number: int, *symptoms: str) -> Precedent:
    return Precedent(incident_id=f"inc_{number}", symptoms=frozenset(symptoms))


def test_with_an_empty_memory_everything_is_new() -> None:
    assert novelty({"errors"}, []).score == 1.0


@given(shown=KINDS, others=st.lists(KINDS, max_size=6))
def test_what_was_seen_exactly_so_is_not_new(shown: frozenset[str], others: list[frozenset[str]]) -> None:
    known = [before(n, *symptoms) for n, symptoms in enumerate([*others, shown])]
    found = novelty(shown, known)
    assert found.score == 0.0
    assert "showed the same alerts" in found.reason


@given(shown=KINDS, others=st.lists(KINDS, min_size=1, max_size=6))
def test_novelty_is_a_share_and_more_precedents_never_raise_it_to_the_full(
    shown: frozenset[str], others: list[frozenset[str]]
) -> None:
    score = novelty(shown, [before(n, *symptoms) for n, symptoms in enumerate(others)]).score
    assert 0.0 <= score <= 1.0
    assert (score == 1.0) is all(not shown & symptoms for symptoms in others)


def test_a_rare_alert_makes_an_incident_newer_than_a_common_one_does() -> None:
    common = [before(n, "errors", "latency") for n in range(20)]
    rare = novelty({"errors", "disk-full"}, common).score
    usual = novelty({"errors"}, common).score
    assert rare > usual
    assert "never seen: disk-full" in novelty({"errors", "disk-full"}, common).reason


def test_memory_that_was_asked_has_the_last_word() -> None:
    known = Novelty(score=0.0, reason="inc_1 showed the same alerts")
    assert after_recall(known, recalled="", contradicted=("fix@1",)).score == CONTRADICTED
    assert after_recall(known, recalled="", contradicted=()) == known
    new = Novelty(score=0.9, reason="never seen: lag")
    assert after_recall(new, recalled="fix@1", contradicted=()).score == RECALLED


def test_precedents_are_read_from_what_incidents_showed() -> None:
    graph = MemoryGraph()
    for incident, symptom in (("inc_1", "errors"), ("inc_1", "lag"), ("inc_2", "disk-full")):
        seen = Provenance(source="x", method=Method.DERIVED, asserted_at=NOW, actor="autoheal")
        graph.assert_fact(
            Fact(
                id=f"{incident}-{symptom}",
                subject=urn(NodeKind.INCIDENT, incident),
                relation=Relation.SHOWED,
                object=urn(NodeKind.SYMPTOM, symptom),
                statement="shown",
                recorded_at=NOW,
                provenance=(seen,),
            )
        )
    assert precedents(graph, {"errors"}) == [before(1, "errors", "lag")]
