"""The graph in two times: superseded with a link, retired with its history, read as of an instant."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.contracts.database.words import after, calls, provenance

from autoheal.domain.fact import Fact, Method, Node, NodeKind, Relation, urn
from autoheal.integrations.database.database import Database

CALLS = [Relation.CALLS]


def service(name: str) -> str:
    return urn(NodeKind.SERVICE, name)


def owned(by: str, *, minutes: float, source: str = "catalog") -> Fact:
    said = replace(provenance(source, minutes), method=Method.DECLARED)
    return Fact(
        id=f"owner_{by}_{minutes}",
        subject=service("cart"),
        relation=Relation.OWNED_BY,
        object=urn(NodeKind.TEAM, by),
        statement=f"cart is owned by {by}",
        recorded_at=after(minutes),
        valid_from=after(minutes),
        provenance=(said,),
    )


@pytest.mark.criterion(53)
def test_a_contradicted_fact_is_superseded_with_a_link_and_stays_readable(database: Database) -> None:
    old = database.graph.assert_fact(owned("blue", minutes=0))
    new = database.graph.supersede(old.id, owned("red", minutes=30))
    assert new.supersedes == old.id
    assert [fact.object for fact in database.graph.facts(relation=Relation.OWNED_BY)] == [new.object]
    assert [fact.id for fact in database.graph.facts(known_at=after(10))] == [old.id]
    assert [fact.id for fact in database.graph.facts(known_at=after(30))] == [new.id]


@pytest.mark.criterion(46)
def test_a_retired_node_is_not_live_keeps_its_history_and_comes_back_when_seen(database: Database) -> None:
    cart = Node(urn=service("cart"), kind=NodeKind.SERVICE, name="cart", seen_at=after(0), title="Cart")
    database.graph.save_node(cart)
    database.graph.assert_fact(calls("cart", "db"))
    database.graph.save_node(replace(cart, retired_at=after(60)))
    assert not database.graph.nodes(NodeKind.SERVICE)
    assert [node.name for node in database.graph.nodes(NodeKind.SERVICE, retired=True)] == ["cart"]
    assert len(database.graph.facts(subject=cart.urn)) == 1
    database.graph.save_node(replace(cart, title=""))
    assert not database.graph.nodes(NodeKind.SERVICE)
    database.graph.save_node(replace(cart, title="", seen_at=after(90)))
    assert [(node.title, node.retired_at) for node in database.graph.nodes(NodeKind.SERVICE)] == [
        ("Cart", None)
    ]


def test_what_one_source_leaves_out_of_a_node_another_has_said_stays(database: Database) -> None:
    cart = Node(urn=service("cart"), kind=NodeKind.SERVICE, name="cart", attributes={"tier": "1"})
    database.graph.save_nodes([cart, replace(cart, attributes={"language": "python"}, title="Cart")])
    database.graph.save_node(Node(urn=cart.urn, kind=NodeKind.SERVICE, name="cart"))
    found = database.graph.node(cart.urn)
    assert found is not None
    assert (found.title, dict(found.attributes)) == ("Cart", {"tier": "1", "language": "python"})


@pytest.mark.criterion(48)
def test_search_and_neighborhood_answer_as_of_both_times(database: Database) -> None:
    """The call was seen from minute 0, ended in the world at 20, and we learnt of the end at 30."""
    known = database.graph.assert_fact(calls("cart", "db", minutes=0))
    ended = replace(known, id="ended", valid_to=after(20), recorded_at=after(30))
    database.graph.supersede(known.id, ended)
    graph = database.graph

    def near(known_at: float, true_at: float) -> list[str]:
        found = graph.neighborhood(
            service("cart"), relations=CALLS, hops=1, known_at=after(known_at), true_at=after(true_at)
        ).facts
        words = graph.search("cart", known_at=after(known_at), true_at=after(true_at))
        assert [fact.id for fact in words] == [fact.id for fact in found]
        return [fact.id for fact in found]

    assert near(10, 10) == [known.id]
    assert near(25, 25) == [known.id]
    assert near(35, 25) == []
    assert near(35, 10) == ["ended"]
    assert near(-1, 10) == []


def test_many_facts_at_once_are_what_they_are_one_by_one(database: Database) -> None:
    many = [calls("a", "b"), calls("a", "c"), calls("a", "b", minutes=5), calls("b", "c")]
    database.graph.assert_fact(calls("b", "c", source="catalog"))
    database.graph.assert_facts(many)
    stored = {fact.statement: len(fact.provenance) for fact in database.graph.facts()}
    assert stored == {"a calls b": 2, "a calls c": 1, "b calls c": 2}
    database.graph.assert_facts(many)
    assert len(database.graph.facts()) == 3
    assert {fact.statement for fact in database.graph.search("b")} == {"a calls b", "b calls c"}


def test_a_common_word_does_not_hide_the_rare_one(database: Database) -> None:
    database.graph.assert_facts([calls(f"service{number}", "gateway") for number in range(2_100)])
    database.graph.assert_fact(calls("ledger", "gateway"))
    assert database.graph.search("gateway calls ledger")[0].statement == "ledger calls gateway"
    assert len(database.graph.search("gateway calls", limit=7)) == 7


def test_what_touches_some_nodes_comes_newest_first_and_no_more_than_asked(database: Database) -> None:
    for minutes in (3, 1, 2):
        database.graph.assert_fact(calls(f"s{minutes}", "db", minutes=minutes))
    database.graph.assert_fact(calls("x", "y"))
    found = database.graph.touching([service("db")], relations=CALLS, newest=2)
    assert [fact.statement for fact in found] == ["s3 calls db", "s2 calls db"]


def test_a_bulk_load_is_answered_and_its_planner_statistics_are_fresh(database: Database) -> None:
    database.graph.assert_facts([calls(f"s{number}", "hub") for number in range(5_000)])
    assert len(database.graph.touching([service("hub")], relations=CALLS, newest=9)) == 9
    connections = database._connections  # noqa: SLF001  no port tells of the planner
    if not connections.sqlite:
        with connections.read() as connection:
            query = "SELECT reltuples FROM pg_class WHERE relname = 'fact'"
            assert connection.exec_driver_sql(query).scalar() == 5_000


def test_what_a_hub_has_more_than_can_be_read_is_counted_and_said(database: Database) -> None:
    database.graph.assert_facts([calls(f"s{number}", "hub", minutes=number) for number in range(2_300)])
    database.graph.assert_facts([calls("hub", "s1", minutes=5_000), calls("web", "s1", minutes=5_001)])
    near = database.graph.neighborhood(service("hub"), relations=CALLS, hops=1)
    assert (len(near.facts), near.facts_left_out, near.things_left_out) == (2_000, 301, 0)
    assert near.facts[0].statement == "hub calls s1"
    assert near.cut
    assert near.says == "301 older facts"
    far = database.graph.neighborhood(service("web"), relations=CALLS, hops=3)
    assert far.cut
    small = database.graph.neighborhood(service("web"), relations=CALLS, hops=1)
    assert (small.cut, small.says, len(small.facts)) == (False, "", 1)


def test_things_beyond_a_wide_frontier_are_counted(database: Database) -> None:
    database.graph.assert_facts([calls(f"s{number}", "hub") for number in range(700)])
    database.graph.assert_facts([calls("edge", "s699")])
    near = database.graph.neighborhood(service("hub"), relations=CALLS, hops=2)
    assert near.things_left_out == 200
    assert "200 things not looked at" in near.says
    assert not database.graph.neighborhood(service("hub"), relations=CALLS, hops=1).cut


def test_facts_of_one_relation_are_found_by_an_index(database: Database) -> None:
    database.graph.assert_facts([calls(f"s{number}", "hub") for number in range(2_000)])
    database.graph.assert_fact(owned("blue", minutes=1))
    connections = database._connections  # noqa: SLF001  no port tells of the plan
    explain = "EXPLAIN QUERY PLAN" if connections.sqlite else "EXPLAIN"
    if not connections.sqlite:
        with connections.write() as connection:
            connection.exec_driver_sql("ANALYZE fact")
    query = "SELECT body FROM fact WHERE relation = 'OWNED_BY' AND retracted_at IS NULL AND valid_to IS NULL"
    with connections.read() as connection:
        plan = " ".join(str(row) for row in connection.exec_driver_sql(f"{explain} {query}"))
    assert "fact_relation" in plan
