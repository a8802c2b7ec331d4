"""The catalog as table and as drawing: the same things, walkable by keyboard, without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
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


def test_the_catalog_is_searched_and_paged_by_the_server(app: App, web: Browser) -> None:
    app.graph().save_nodes(
        [Node(urn=service(f"n{n:03}"), kind=NodeKind.SERVICE, name=f"n{n:03}") for n in range(150)]
    )
    first = web.get("/graph?words=n").text
    assert 'rel="next"' in first
    assert 'rel="prev"' not in first
    assert first.count('<th scope="row">') == 100
    last = web.get("/graph?words=n0&offset=100").text
    assert 'rel="next"' not in last
    page = web.get("/api/v1/graph/catalog?words=n14&limit=3&offset=8").json()
    assert ([entry["name"] for entry in page["entries"]], page["total"]) == (["n148", "n149"], 10)
    assert web.get("/api/v1/graph/catalog?limit=0").status_code == 422


@pytest.mark.criterion(48)
def test_the_page_shows_what_was_known_then_and_walks_on_at_that_time(web: Browser) -> None:
    cart = service("cart")
    before = web.get(f"/graph/{cart}?known_at=2026-11-20T11:00:00").text
    assert "1 things, 0 relations" in before
    after = web.get(f"/graph/{cart}?known_at=2026-11-20T13:00:00&hops=2").text
    assert "7 things, 7 relations" in after or "8 things, 7 relations" in after
    assert "known_at=2026-11-20T13%3A00%3A00" in after
    assert web.get(f"/graph/{cart}?true_at=soon").status_code == 400


def test_kinds_are_left_out_of_drawing_and_table_alike(web: Browser) -> None:
    page = web.get(f"/graph/{service('cart')}?kinds=team").text
    boxes = re.findall(r'class="box[^"]*" aria-label="([^"]+), [a-z ]+"', page)
    assert sorted(boxes) == ["blue", "cart", "red"]
    assert page.count('<tr><th scope="row">') == 2


@pytest.mark.criterion(47)
def test_a_dispute_names_both_sources_and_how_far_each_is_believed(web: Browser) -> None:
    page = web.get(f"/graph/{service('cart')}").text
    said = page[page.index("Sources disagree") :]
    assert re.search(r"blue <small>\(catalog, believed \d+", said)
    assert re.search(r"red <small>\(CODEOWNERS, believed \d+", said)
    assert page.count("<strong>in dispute</strong>") == 2


@pytest.mark.parametrize("things", [5, 30, 149])
def test_boxes_do_not_overlap_at_any_size(app: App, things: int) -> None:
    hub = service("hub")
    app.graph().save_node(Node(urn=hub, kind=NodeKind.SERVICE, name="hub", seen_at=NOON))
    app.graph().assert_facts([said(service(f"s{n}"), Relation.CALLS, hub) for n in range(things)])
    drawing = draw(app.knowledge.around("hub", Around()))
    places = {(box.x, box.y) for box in drawing.boxes}
    assert len(places) == len(drawing.boxes) == things + 1
    columns: dict[int, list[int]] = {}
    for box in drawing.boxes:
        columns.setdefault(box.x, []).append(box.y)
    gaps = [low - high for ys in columns.values() for high, low in pairwise(sorted(ys))]
    assert min(gaps, default=BOX_HEIGHT) >= BOX_HEIGHT
