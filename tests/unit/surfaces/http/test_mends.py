"""Mending the graph by API and page: under a name, by right, audited, with a way back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.unit.surfaces.stage import Browser, browser, stage

from autoheal.app import App
from autoheal.domain.person import Role
from autoheal.graph.observed import traced_calls
from autoheal.graph.take_in import Intake

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
API = "/api/v1/graph"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    made = stage(tmp_path)
    pairs = [("web", "cart"), ("cart-svc", "db"), ("cart", "db")]
    Intake(made.graph()).take_in(traced_calls(pairs, source="jaeger", at=NOW), now=NOW)
    yield made
    made.stop()


@pytest.fixture
def web(app: App) -> Browser:
    return browser(app)


def audited(app: App) -> list[tuple[str, str]]:
    return [(record.kind, record.actor) for record in app.traces()]


def links(web: Browser, thing: str) -> int:
    return len(web.get(f"{API}/around?thing={thing}").json()["links"])


def test_a_merge_by_the_api_is_listed_audited_and_undone(app: App, web: Browser) -> None:
    body = {"source": "cart-svc", "target": "cart", "reason": "renamed", "actor": "ann"}
    made = web.send("POST", f"{API}/merge", json=body)
    assert (made.status_code, made.json()["target"]) == (201, "ah:service:default/cart")
    assert web.get(f"{API}/around?thing=cart-svc").json()["center"] == "ah:service:default/cart"
    assert [each["reason"] for each in web.get(f"{API}/merges").json()] == ["renamed"]
    undo = {"source": "cart-svc", "reason": "no", "actor": "bob"}
    assert web.send("POST", f"{API}/unmerge", json=undo).json()["undone_at"]
    assert links(web, "cart-svc") == 1
    assert audited(app) == [("graph.merged", "ann"), ("graph.unmerged", "bob")]


def test_what_a_reader_said_is_counted_taken_back_and_believed_again(app: App, web: Browser) -> None:
    assert web.get(f"{API}/said-by?extractor=traces").json()["facts"] == 3
    assert links(web, "cart") == 2
    body = {"extractor": "traces", "reason": "it misread", "actor": "ann"}
    assert web.send("POST", f"{API}/retract", json=body).json()["facts"] == 3
    assert links(web, "cart") == 0
    assert web.send("POST", f"{API}/restore", json=body).status_code == 200
    assert links(web, "cart") == 2
    assert audited(app) == [("graph.retracted", "ann"), ("graph.restored", "ann")]


@pytest.mark.parametrize(
    ("act", "body", "status"),
    [
        ("merge", {"source": "cart", "target": "nobody"}, 404),
        ("merge", {"source": "cart", "target": "cart"}, 409),
        ("merge", {"source": "cart"}, 422),
        ("unmerge", {"source": "cart"}, 404),
        ("retract", {"extractor": "traces", "version": "9"}, 404),
    ],
)
def test_a_mend_that_cannot_be_is_a_problem_and_changes_nothing(
    act: str, body: dict[str, str], status: int, app: App, web: Browser
) -> None:
    answer = web.send("POST", f"{API}/{act}", json={**body, "reason": "x", "actor": "ann"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert not audited(app)


@pytest.mark.criterion(114)
def test_a_viewer_mends_nothing_by_either_door_and_is_offered_no_form(app: App, web: Browser) -> None:
    app.people.add("root", role=Role.ADMIN, actor="root")
    token = app.people.add("vic", role=Role.VIEWER, actor="root").token
    head = {"Authorization": f"Bearer {token}"}
    body = {"source": "cart-svc", "target": "cart", "reason": "x"}
    assert web.send("POST", f"{API}/merge", json=body, headers=head).status_code == 403
    sent = web.send("POST", "/graph-merge", data={**body, "actor": "vic", "sure": "yes"}, headers=head)
    assert sent.status_code == 403
    assert "graph-merge" not in web.get("/graph-mends", **head).text
    assert not app.knowledge.curation.merges()


def test_the_page_merges_only_what_was_confirmed_and_offers_the_way_back(app: App, web: Browser) -> None:
    form = {"source": "cart-svc", "target": "cart", "reason": "renamed", "actor": "ann"}
    assert web.send("POST", "/graph-merge", data=form).status_code == 422
    assert not app.knowledge.curation.merges()
    assert web.send("POST", "/graph-merge", data={**form, "sure": "yes"}).status_code == 303
    page = web.get("/graph-mends").text
    assert "Make them two again" in page
    undo = {"source": "ah:service:default/cart-svc", "reason": "no", "actor": "ann"}
    assert web.send("POST", "/graph-unmerge", data=undo).status_code == 303
    assert "Make them two again" not in web.get("/graph-mends").text


def test_the_page_takes_a_readers_word_back_and_believes_it_again(web: Browser) -> None:
    form = {"extractor": "traces", "version": "1", "reason": "x", "actor": "ann"}
    sent = web.send("POST", "/graph-retract", data={**form, "sure": "yes"})
    assert links(web, "cart") == 0
    assert 'value="traces"' in web.get(sent.headers["location"]).text
    assert web.send("POST", "/graph-restore", data=form).status_code == 303
    assert links(web, "cart") == 2
