"""Memory through the real loops: what comes back is cited and credited, failed ways are tried later."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from autoheal.domain.fact import NodeKind, Relation, urn
from autoheal.domain.incident import Outcome
from autoheal.graph.tried import FAILURES, failures, note_path
from autoheal.healing.bring_back import SOURCE
from autoheal.sandbox.simulated.kinds import FAMILIES
from autoheal.sandbox.simulated.stream import Planned, draw
from autoheal.sandbox.simulated.world import World, template

pytestmark = pytest.mark.timeout(180)
DAY = 86_400.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "world", template(tmp_path / "empty"))
    yield made
    made.wipe()


def planned(number: int) -> Planned:
    """The same family again and again, on another service and day."""
    first = draw(40, seed=3)[0]
    service = first.fleet.services[number % len(first.fleet.services)]
    kind = next(kind for kind in FAMILIES if kind.change is not None and not kind.at_entry)
    return replace(
        first, number=number, kind=kind, service=service, at=number * DAY, decoy=None, severity=1.0
    )


def live(world: World, number: int) -> str:
    """One incident from alert to lessons; a person reads the proposals afterwards."""
    incident_id = world.live(planned(number)).incidents[0]
    world.review()
    return incident_id


@pytest.mark.criterion(49)
def test_an_accepted_cause_leaves_symptom_cause_and_resolution_that_name_the_investigation(
    world: World,
) -> None:
    first = live(world, 1)
    assert world.database.incidents.get(first).outcome is Outcome.MITIGATED_BY_US
    this = urn(NodeKind.INCIDENT, first)
    facts = {fact.relation: fact for fact in world.database.graph.facts(subject=this)}
    assert {Relation.SHOWED, Relation.CAUSED_BY, Relation.RESOLVED_BY} <= set(facts)
    source = facts[Relation.CAUSED_BY].provenance[0].source
    named = source.removeprefix("investigation:")
    assert named in {i.id for i in world.database.incidents.investigations(first)}


def test_what_memory_gave_is_evidence_whose_facts_the_trace_cites_and_the_use_is_credited(
    world: World,
) -> None:
    live(world, 1)
    second = live(world, 2)
    incidents, graph = world.database.incidents, world.database.graph
    (asked,) = [e for e in incidents.evidence_of(second) if e.source == SOURCE]
    ids = [row.subject for row in incidents.rows(asked.id)]
    known = {fact.id: fact for fact in graph.facts_with(ids)}
    assert set(ids) == set(known)
    assert any(fact.relation is Relation.MITIGATED_BY for fact in known.values())
    traces = [r for r in world.database.audit.records(second) if r.kind == "decision_trace"]
    sources = json.loads(traces[-1].body)["sources"]
    assert [source["facts"] for source in sources if source["id"] == asked.id] == [ids]
    used = {key: useful for key, incident, useful in graph.uses() if incident == second and key in known}
    assert set(used) == set(ids)
    helped = [key for key, fact in known.items() if fact.relation is Relation.MITIGATED_BY]
    assert all(used[key] for key in helped)
    assert not all(used.values()), "what did not lead to the verified outcome is no useful use"


@pytest.mark.criterion(50)
def test_a_diagnosis_that_failed_three_times_is_tried_later_and_the_timeline_says_why(world: World) -> None:
    live(world, 1)
    second = live(world, 2)
    incident = world.database.incidents.get(second)
    assert incident.skill is not None
    name, graph = incident.skill.partition("@")[0], world.database.graph
    for number in range(FAILURES):
        other = replace(incident, id=f"inc_other_{number}")
        note_path(graph, other, incident.skill, held=False, at=incident.opened_at)
    assert failures(graph, incident.signature, name) == FAILURES
    third = live(world, 3)
    assert world.database.incidents.get(third).signature == incident.signature
    told = [entry.text for entry in world.database.incidents.timeline(third)]
    assert any(f"recall: {incident.skill} is tried later" in text for text in told)


@pytest.mark.criterion(51)
def test_a_rejected_cause_leaves_no_durable_edge(world: World) -> None:
    """Every cause in the graph is one that a verified mitigation confirmed."""
    for number in (1, 2):
        live(world, number)
    rejected = {
        h.statement
        for incident in world.database.incidents.list()
        for i in world.database.incidents.investigations(incident.id)
        for h in i.hypotheses
        if h.id != i.verdict.hypothesis_id
    }
    assert rejected
    causes = world.database.graph.facts(relation=Relation.CAUSED_BY)
    assert len(causes) == len({cause.subject for cause in causes}) == 2
    assert not any(text in fact.statement for fact in world.database.graph.facts() for text in rejected)
