"""Who is affected is answered at any moment, from telemetry and graph, with the time it was measured at."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tests.attacks.production import Shop, template

from autoheal.domain.errors import ConflictError
from autoheal.domain.fact import NodeKind, Relation, urn
from autoheal.domain.impact import Touch
from autoheal.domain.incident import Incident
from autoheal.healing.impact import answer_impact, impact
from autoheal.healing.listen import Meaning, understand


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return template(tmp_path_factory.mktemp("origin") / "home")


@pytest.fixture
def shop(tmp_path: Path, origin: Path) -> Shop:
    shutil.copytree(origin, tmp_path / "shop")
    return Shop(tmp_path / "shop")


def hurting(shop: Shop) -> Incident:
    """The incident just after its alert, before anybody investigated."""
    shop.begin()
    (incident,) = shop.database.incidents.list()
    return incident


@pytest.mark.criterion(29)
def test_while_it_hurts_each_service_says_how_it_is_touched_by_stored_evidence(shop: Shop) -> None:
    incident = hurting(shop)
    found = impact(shop.loop.responder, incident.id)
    assert found.measured_at == shop.clock.now()
    touched = {one.service: one for one in found.services}
    assert touched["checkout"].touch is Touch.HURT
    assert touched["gateway"].touch in (Touch.HURT, Touch.EXPOSED)
    assert [one.service for one in found.services if one.entry] == ["gateway"]
    stored = shop.database.incidents
    for level in (level for one in found.services for level in one.levels):
        values = {row.value for row in stored.rows(level.evidence_id)}
        assert min(values) <= level.now <= max(values)
        assert stored.evidence(level.evidence_id).stage == "impact"
    spent = [cost for cost in stored.costs(incident.id) if cost.stage == "impact"]
    assert 0 < sum(cost.queries for cost in spent) <= 12
    shop.close()


@pytest.mark.criterion(29)
def test_who_calls_what_hurts_is_named_with_the_facts_of_the_graph(shop: Shop) -> None:
    incident = hurting(shop)
    gateway = next(s for s in impact(shop.loop.responder, incident.id).services if s.service == "gateway")
    assert gateway.facts
    (fact,) = shop.database.graph.facts_with(gateway.facts)
    assert (fact.relation, fact.object) == (Relation.CALLS, urn(NodeKind.SERVICE, "checkout"))
    shop.close()


@pytest.mark.criterion(29)
def test_once_mended_nothing_hurts_and_the_time_of_recovery_is_told(shop: Shop) -> None:
    incident = shop.suffer(learns=False)
    shop.live(600.0)
    found = impact(shop.loop.responder, incident.id)
    assert found.until == incident.recovered_at
    assert {one.touch for one in found.services} <= {Touch.WELL, Touch.EXPOSED, Touch.UNMEASURED}
    assert "nothing that is measured hurts" in found.says
    shop.close()


@pytest.mark.criterion(22)
@pytest.mark.criterion(29)
def test_a_source_that_fails_is_named_and_never_read_as_well(shop: Shop) -> None:
    incident = hurting(shop)
    shop.metrics.broken = "it does not answer"
    found = impact(shop.loop.responder, incident.id)
    assert any("it does not answer" in one for one in found.missing)
    touched = {one.service: one.touch for one in found.services}
    assert touched["checkout"] is Touch.UNMEASURED
    assert Touch.WELL not in touched.values()
    assert found.failed == ()
    shop.close()


def test_users_are_not_invented_where_no_source_counts_them(shop: Shop) -> None:
    found = impact(shop.loop.responder, hurting(shop).id)
    assert "no source counts users" in found.missing
    shop.close()


def test_failed_requests_at_the_entry_follow_from_the_stored_samples(shop: Shop) -> None:
    found = impact(shop.loop.responder, hurting(shop).id)
    for one in found.failed:
        assert 0 <= one.failed <= one.requests
        assert all(shop.database.incidents.evidence(key).stage == "impact" for key in one.evidence_ids)
    shop.close()


def test_nothing_is_measured_anew_for_what_was_deleted(shop: Shop) -> None:
    incident = shop.suffer(learns=False)
    shop.database.incidents.save(replace(incident, deleted_at=shop.clock.now()))
    with pytest.raises(ConflictError, match="was deleted"):
        impact(shop.loop.responder, incident.id)
    shop.close()


@pytest.mark.parametrize(
    ("said", "asks"),
    [
        ("impact?", True),
        ("who is affected?", True),
        ("which services are hurt", True),
        ("the impact on checkout was bad last time", False),
        ("I think it's payments", False),
    ],
)
def test_who_asks_in_the_thread_is_answered_there(shop: Shop, said: str, asks: bool) -> None:  # noqa: FBT001  a parameter
    incident = hurting(shop)
    responder = shop.loop.responder
    assert (understand(responder, incident.id, said).meaning is Meaning.IMPACT) is asks
    if asks:
        told = answer_impact(responder, incident.id)
        assert any(told in entry.text for entry in shop.database.incidents.timeline(incident.id))
    shop.close()
