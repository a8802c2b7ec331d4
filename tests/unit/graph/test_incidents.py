"""What a closed incident leaves in the graph: its cause only where a mitigation confirmed it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from autoheal.domain.alert import Severity
from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.fact import NodeKind, Relation, urn
from autoheal.domain.incident import Incident, IncidentState
from autoheal.domain.investigation import Hypothesis, HypothesisState, Mechanism
from autoheal.domain.mitigation import Action, ActionKind, Check, Mitigation, Tier
from autoheal.graph.calls import call_facts
from autoheal.graph.incidents import Lesson, addition

NOW = datetime(2026, 5, 4, tzinfo=UTC)
INCIDENT = Incident(
    id="inc_1",
    title="cart fails",
    environment="sandbox",
    severity=Severity.HIGH,
    state=IncidentState.CLOSED,
    opened_at=NOW,
    detected_at=NOW,
    services=("cart", "checkout"),
    family="errors/deploy",
)
HYPOTHESIS = Hypothesis(
    id="hyp_1",
    entity="cart",
    mechanism=Mechanism.ERRORS,
    statement="deploy v42 of cart",
    score=1.0,
    confidence=0.9,
    author="engine",
    state=HypothesisState.ACCEPTED,
    change_id="v42",
)
MITIGATION = Mitigation(
    id="mit_1",
    incident_id="inc_1",
    hypothesis_id="hyp_1",
    action=Action(kind=ActionKind.ROLLBACK, target="cart"),
    way_back=None,
    tier=Tier.MEDIUM,
    expected_effect="errors stop",
    blast_radius="cart",
    check=Check(expression="up == 0", services=("cart",), stable_seconds=1.0, within_seconds=1.0),
    target_version=1,
    baseline_score=1.0,
    evidence_digest="d",
    policy_version="1",
    proposed_by="engine",
    proposed_at=NOW,
    expires_at=NOW,
)
CAUSAL = {Relation.CAUSED_BY, Relation.INSTANCE_OF, Relation.MANIFESTS_AS, Relation.MITIGATED_BY}


def lesson(change: Change | None) -> Lesson:
    return Lesson(hypothesis=HYPOTHESIS, investigation_id="inv_7", change=change, mitigation=MITIGATION)


@pytest.mark.criterion(49)
@pytest.mark.parametrize("change", [None, Change(id="v42", kind=ChangeKind.DEPLOY, entity="cart", time=1.0)])
def test_an_accepted_cause_links_symptom_cause_and_resolution_and_names_the_investigation(
    change: Change | None,
) -> None:
    added = addition(INCIDENT, symptoms=["high-error-rate"], lesson=lesson(change), at=NOW)
    causal = [fact for fact in added.facts if fact.relation in {*CAUSAL, Relation.RESOLVED_BY}]
    assert {fact.relation for fact in causal} == {*CAUSAL, Relation.RESOLVED_BY}
    assert {said.source for fact in causal for said in fact.provenance} == {"investigation:inv_7"}
    mode = urn(NodeKind.FAILURE_MODE, "errors/deploy")
    triples = {(fact.subject, fact.relation, fact.object) for fact in causal}
    assert (mode, Relation.MANIFESTS_AS, urn(NodeKind.SYMPTOM, "high-error-rate")) in triples
    assert (mode, Relation.MITIGATED_BY, urn(NodeKind.ACTION, "rollback")) in triples


@pytest.mark.criterion(49)
def test_every_end_of_every_fact_is_a_node_that_is_written_too_and_every_id_is_its_own() -> None:
    added = addition(INCIDENT, symptoms=["slow", "high-error-rate"], lesson=lesson(None), at=NOW)
    known = {node.urn for node in added.nodes}
    assert {end for fact in added.facts for end in (fact.subject, fact.object)} <= known
    assert len({fact.id for fact in added.facts}) == len(added.facts)


@pytest.mark.criterion(51)
def test_without_an_accepted_cause_no_causal_fact_is_made() -> None:
    added = addition(INCIDENT, symptoms=["high-error-rate"], lesson=None, at=NOW)
    assert {fact.relation for fact in added.facts} == {Relation.SHOWED, Relation.AFFECTED}
    assert {node.kind for node in added.nodes} == {NodeKind.INCIDENT, NodeKind.SYMPTOM, NodeKind.SERVICE}


def test_a_pair_of_services_seen_often_is_one_call() -> None:
    facts = call_facts([("a", "b"), ("a", "b"), ("b", "c")], source="jaeger", at=NOW)
    assert [fact.statement for fact in facts] == ["a calls b", "b calls c"]
    assert {said.source for fact in facts for said in fact.provenance} == {"jaeger"}
