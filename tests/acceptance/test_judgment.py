"""A verdict that a person calls wrong is traced to its first wrong step, corrected, and never forgotten."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tests.attacks.production import Shop, template

from autoheal.domain.errors import ConflictError, NotFoundError
from autoheal.domain.fact import Method, NodeKind, Relation, urn
from autoheal.domain.incident import Incident
from autoheal.domain.judgment import Stage, Truth, Word
from autoheal.healing.judge import judge, judgments
from autoheal.recording.flight import FlightRecorder
from autoheal.recording.regression import RegressionSet, answered
from autoheal.reports.rca_benchmark import read_truth


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return template(tmp_path_factory.mktemp("origin") / "home")


@pytest.fixture
def shop(tmp_path: Path, origin: Path) -> Shop:
    shutil.copytree(origin, tmp_path / "shop")
    made = Shop(tmp_path / "shop")
    recorder = FlightRecorder(folder=tmp_path / "cases", keep=1)
    made.loop = replace(made.loop, responder=replace(made.loop.responder, record=recorder.record))
    return made


def causes(shop: Shop, incident: Incident) -> list[tuple[str, Method]]:
    this = urn(NodeKind.INCIDENT, incident.id)
    facts = shop.database.graph.facts(subject=this, relation=Relation.CAUSED_BY)
    return [(fact.object, said.method) for fact in facts for said in fact.provenance]


@pytest.mark.criterion(36)
def test_a_wrong_verdict_points_to_its_first_wrong_step_and_its_case_enters_the_regression_set(
    shop: Shop, tmp_path: Path
) -> None:
    incident = shop.suffer(learns=False)
    truth = Truth(entity="payments")
    judged = judge(shop.loop.responder, incident.id, Word(actor="ann", truth=truth, note="it was the bank"))
    assert judged.misstep is not None
    assert judged.misstep.stage in (Stage.HYPOTHESES, Stage.RANK)
    assert judged.misstep.investigation_id == shop.database.incidents.investigations(incident.id)[0].id
    stored = {e.id for e in shop.database.incidents.evidence_of(incident.id)}
    assert judged.misstep.evidence_ids
    assert stored.issuperset(judged.misstep.evidence_ids)
    records = shop.database.audit.records(incident.id)
    assert judgments(records)[incident.id] == judged
    assert shop.database.audit.verify() is None

    regressions = RegressionSet(recorded=tmp_path / "cases", folder=tmp_path / "regressions")
    folder = regressions.enter(incident.id, truth)
    assert folder is not None
    shutil.rmtree(tmp_path / "cases")
    assert read_truth(folder).entity == "payments"
    now = answered(folder)
    assert (now.right, now.truth) == (False, "payments")
    assert now.said.startswith("checkout")
    regressions.enter(incident.id, truth)
    shop.close()


@pytest.mark.criterion(36)
def test_what_is_answered_rightly_by_now_is_right_in_the_regression_set(shop: Shop, tmp_path: Path) -> None:
    incident = shop.suffer(learns=False)
    regressions = RegressionSet(recorded=tmp_path / "cases", folder=tmp_path / "regressions")
    folder = regressions.enter(incident.id, Truth(entity="checkout"))
    assert folder is not None
    assert answered(folder).right
    (folder / "truth.json").write_text(json.dumps({"entity": None, "mechanism": None, "change": None}))
    assert not answered(folder).right
    assert regressions.enter("inc_never_recorded", Truth(entity="checkout")) is None
    shop.close()


@pytest.mark.criterion(51)
@pytest.mark.criterion(53)
def test_the_graph_believes_the_stated_cause_and_links_the_one_it_replaces(shop: Shop) -> None:
    incident = shop.suffer(learns=False)
    (wrong,) = causes(shop, incident)
    judge(shop.loop.responder, incident.id, Word(actor="ann", truth=Truth(entity="payments")))
    assert causes(shop, incident) == [(urn(NodeKind.SERVICE, "payments"), Method.HUMAN)]
    this = urn(NodeKind.INCIDENT, incident.id)
    (fact,) = shop.database.graph.facts(subject=this, relation=Relation.CAUSED_BY)
    (old,) = shop.database.graph.facts_with([fact.supersedes or ""])
    assert (old.object, old.retracted_at is not None) == (wrong[0], True)
    shop.close()


def test_a_right_verdict_gains_a_witness(shop: Shop) -> None:
    incident = shop.suffer(learns=False)
    judged = judge(shop.loop.responder, incident.id, Word(actor="ann"))
    assert (judged.right, judged.misstep) == (True, None)
    assert {method for _, method in causes(shop, incident)} == {Method.DERIVED, Method.HUMAN}
    shop.close()


def test_the_last_word_on_an_incident_counts(shop: Shop) -> None:
    incident = shop.suffer(learns=False)
    judge(shop.loop.responder, incident.id, Word(actor="ann", truth=Truth(entity=None)))
    assert causes(shop, incident) == []
    judge(shop.loop.responder, incident.id, Word(actor="bob"))
    records = shop.database.audit.records(incident.id)
    assert judgments(records)[incident.id].actor == "bob"
    shop.close()


def test_what_cannot_be_judged_is_refused_in_one_line(shop: Shop) -> None:
    incident = shop.suffer(learns=False)
    responder = shop.loop.responder
    with pytest.raises(ConflictError, match="says just that"):
        judge(responder, incident.id, Word(actor="ann", truth=Truth(entity="checkout")))
    with pytest.raises(NotFoundError, match="no service chekout is known; there are"):
        judge(responder, incident.id, Word(actor="ann", truth=Truth(entity="chekout")))
    assert judgments(shop.database.audit.records(incident.id)) == {}
    shop.close()
