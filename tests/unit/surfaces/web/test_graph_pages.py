"""The catalog as table and as drawing: the same things, walkable by keyboard, without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.unit.surfaces.stage import Browser, browser, stage

from autoheal.app import App
from autoheal.domain.catalog import Around
from autoheal.domain.fact import Fact, Method, Node, NodeKind, Provenance, Relation, urn
from autoheal.surfaces.web.graph_drawing import BOX_HEIGHT, BOX_WIDTH, draw

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOSTILE = '"><script>alert(1)</script>'


def said(subject: str, relation: Relation, target: str, *, source: str = "jaeger") -> Fact:
    method = Method.OBSERVED if source == "jaeger" else Method.DECLARED
    by = Provenance(source=source, method=method, asserted_at=NOON, actor="autoheal")
    return Fact(
        id=f"fact:{subject}|{relation}|{target}",
        subject=subject,
        relation=relation,
        object=target,
        statement=f"{subject} {relation} {target}",
        recorded_at=NOON,
        valid_from=NOON,
        provenance=(by,),
    )


def service(name: str) -> str:
    return urn(NodeKind.SERVICE, name)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    made = stage(tmp_path)
    graph = made.graph()
    for name in ("web", "cart", "stock", "pricing", HOSTILE):
        graph.save_node(Node(urn=service(name), kind=NodeKind.SERVICE, name=name, seen_at=NOON))
    pairs = [("web", "cart"), ("cart", "stock"), ("cart", "pricing"), ("stock", "pricing"), (HOSTILE, "cart")]
    graph.assert_facts([said(service(one), Relation.CALLS, service(other)) for one, other in pairs])
    for team, source in (("blue", "catalog"), ("red", "CODEOWNERS")):
        graph.assert_fact(said(service("cart"), Relation.OWNED_BY, urn(NodeKind.TEAM, team), source=source))
    yield made
    made.stop()


@pytest.fixture
def web(app: App) -> Browser:
    return browser(app)


@pytest.mark.criterion(54)
@pytest.mark.parametrize("hops", [1, 2])
def test_drawing_table_and_api_show_the_same_things_and_relations(web: Browser, hops: int) -> None:
    page = web.get(f"/graph/{service('cart')}?hops={hops}").text
    view = web.get(f"/api/v1/graph/around?thing=cart&hops={hops}").json()
    boxes = re.findall(r'class="box[^"]*" aria-label="([^"]+), [a-z ]+"', page)
    lines = re.findall(r'<g class="link', page)
    rows = re.findall(r"<tr><th scope=\"row\">", page)
    assert len(boxes) == len(view["entries"])
    assert len(lines) == len(rows) == len(view["links"])
    assert f"{len(boxes)} things, {len(lines)} relations" in page
    assert len(view["links"]) == (6 if hops == 1 else 7)


def test_each_box_is_a_link_that_leads_on_and_the_page_needs_no_script(web: Browser) -> None:
    page = web.get(f"/graph/{service('cart')}").text
    links = re.findall(r'<a href="(/graph/[^"]+)" class="box', page)
    assert len(links) == 7
    for link in links:
        assert web.get(link).status_code == 200
    svg = page[page.index("<svg") : page.index("</svg>")]
    assert "<script" not in svg
    assert HOSTILE not in page


def test_boxes_do_not_overlap_and_stand_inside_the_drawing(app: App) -> None:
    from_all_sides = app.knowledge.around("cart", Around(hops=2))
    drawing = draw(from_all_sides)
    for one in drawing.boxes:
        assert 0 <= one.x <= drawing.width - BOX_WIDTH
        assert 0 <= one.y <= drawing.height - BOX_HEIGHT
        for other in drawing.boxes:
            apart = abs(one.x - other.x) >= BOX_WIDTH or abs(one.y - other.y) >= BOX_HEIGHT
            assert apart or one.urn == other.urn
    assert not any(line.faint for line in drawing.lines), "seen once is believed more than not"
    places = {box.name: box.x for box in drawing.boxes}
    assert places["web"] < places["cart"] < places["stock"]


@pytest.mark.criterion(47)
def test_the_catalog_lists_things_by_kind_and_where_sources_disagree(web: Browser) -> None:
    page = web.get("/graph").text
    assert "Sources disagree" in page
    assert "CODEOWNERS" in page
    assert web.get("/graph?kind=team").text.count('<th scope="row">') == 0
    assert web.get("/graph?kind=service").text.count('<th scope="row">') == 5
    assert len(web.get("/api/v1/graph/conflicts").json()) == 1


def test_what_nobody_knows_is_a_page_that_says_so(web: Browser) -> None:
    answer = web.get("/graph/ah:service:default/ghost")
    assert answer.status_code == 404
    assert "the graph knows nothing" in answer.text


def test_a_fact_is_found_by_the_id_that_a_trace_cites(web: Browser) -> None:
    key = f"fact:{service('web')}|CALLS|{service('cart')}"
    found = web.send("GET", "/api/v1/graph/fact", params={"fact_id": key}).json()
    assert found["provenance"][0]["source"] == "jaeger"
    assert web.get("/api/v1/graph/fact?fact_id=nothing").status_code == 404


def test_a_hub_that_was_cut_says_so_on_the_page_and_in_the_api(app: App, web: Browser) -> None:
    hub = service("hub")
    app.graph().save_node(Node(urn=hub, kind=NodeKind.SERVICE, name="hub", seen_at=NOON))
    app.graph().assert_facts([said(service(f"s{number}"), Relation.CALLS, hub) for number in range(2_050)])
    view = web.get("/api/v1/graph/around?thing=hub").json()
    assert (view["cut"], view["facts_left_out"], view["cut_says"]) == (True, 50, "50 older facts")
    assert "50 older facts left out" in web.get(f"/graph/{hub}").text
    assert web.get("/api/v1/graph/around?thing=web").json()["cut"] is False
    assert "Not all is here" not in web.get(f"/graph/{service('web')}").text
