"""What people mend in the graph, on SQLite and PostgreSQL: merges and withdrawn words, undone as history."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from tests.contracts.database.words import after, calls, opened, provenance

from autoheal.domain.errors import ConflictError, NotFoundError
from autoheal.domain.fact import Fact, Node, NodeKind, Relation, urn
from autoheal.integrations.database.database import Database
from autoheal.ports.curation import Merge, Said

CALLS = [Relation.CALLS]


def service(name: str) -> str:
    return urn(NodeKind.SERVICE, name)


def merge(source: str, target: str, at: float) -> Merge:
    return Merge(source=service(source), target=service(target), at=after(at), actor="ann", reason="renamed")


def told(database: Database) -> None:
    """The same cart under two names: the web calls the one, the other calls the database."""
    for name, minutes in (("cart", 1.0), ("cart-svc", 2.0)):
        node = Node(urn=service(name), kind=NodeKind.SERVICE, name=name, seen_at=after(minutes))
        database.graph.save_node(replace(node, attributes={name: "yes"}))
    database.graph.assert_facts([calls("web", "cart"), calls("cart-svc", "db"), calls("web", "cart-svc")])
    database.graph.add_alias("k8s.deployment", "cart-v2", service("cart-svc"))


def said(database: Database, *, known_at: datetime | None = None) -> set[tuple[str, str]]:
    near = database.graph.neighborhood(service("cart"), relations=CALLS, hops=1, known_at=known_at)
    return {(fact.subject[19:], fact.object[19:]) for fact in near.facts}


def test_two_names_of_one_thing_are_read_as_one_and_both_ids_resolve(database: Database) -> None:
    told(database)
    database.curation.merge(merge("cart-svc", "cart", 10))
    graph = database.graph
    assert [node.name for node in graph.nodes(NodeKind.SERVICE)] == ["cart"]
    joined = graph.node(service("cart-svc"))
    assert joined == graph.node(service("cart"))
    assert joined is not None
    assert (joined.seen_at, dict(joined.attributes)) == (after(2), {"cart": "yes", "cart-svc": "yes"})
    assert said(database) == {("web", "cart"), ("cart", "db")}
    assert graph.resolve("k8s.deployment", "cart-v2") == service("cart")
    assert graph.resolve_all([("k8s.deployment", "cart-v2"), ("hostname", "x")]) == [service("cart")]
    assert [fact.object for fact in graph.facts(subject=service("cart-svc"))] == [service("db")]
    assert {f.subject for f in graph.touching([service("db")], relations=CALLS, newest=9)} == {
        service("cart")
    }
    assert graph.subjects([service("db")], relations=CALLS, newest=9) == [service("cart")]
    assert {fact.subject for fact in graph.search("db")} == {service("cart")}


def test_one_fact_told_under_both_names_has_the_sources_of_both(database: Database) -> None:
    database.graph.assert_facts([calls("web", "cart"), calls("web", "cart-svc", source="catalog")])
    database.curation.merge(merge("cart-svc", "cart", 10))
    near = database.graph.neighborhood(service("web"), relations=CALLS, hops=1)
    assert [{p.source for p in fact.provenance} for fact in near.facts] == [{"traces", "catalog"}]


@pytest.mark.criterion(48)
def test_a_merge_is_history_before_it_and_after_its_undoing_they_are_two(database: Database) -> None:
    told(database)
    database.curation.merge(merge("cart-svc", "cart", 10))
    database.graph.assert_fact(calls("cart-svc", "cache", minutes=12))
    assert said(database) == {("web", "cart"), ("cart", "db"), ("cart", "cache")}
    assert said(database, known_at=after(5)) == {("web", "cart")}
    undone = database.curation.unmerge(service("cart-svc"), at=after(20))
    assert (undone.target, undone.undone_at) == (service("cart"), after(20))
    assert said(database) == {("web", "cart")}
    assert said(database, known_at=after(15)) == {("web", "cart"), ("cart", "db"), ("cart", "cache")}
    names = [node.name for node in database.graph.nodes(NodeKind.SERVICE)]
    assert names == ["cart", "cart-svc"]
    assert database.curation.merges() == [undone]


def test_a_chain_of_merges_ends_at_one_node_and_no_circle_can_be_made(database: Database) -> None:
    told(database)
    database.curation.merge(merge("cart-svc", "cart", 10))
    database.curation.merge(merge("cart", "basket", 11))
    assert database.graph.facts(subject=service("basket"))[0].object == service("db")
    for source, target in (("basket", "cart-svc"), ("cart-svc", "basket"), ("cart-svc", "other")):
        with pytest.raises(ConflictError, match=r"one already|unmerge it first"):
            database.curation.merge(merge(source, target, 12))
    with pytest.raises(NotFoundError, match="merged into nothing"):
        database.curation.unmerge(service("basket"), at=after(13))


def by(extractor: str, caller: str, callee: str, *, minutes: float = 0, reference: str = "q1") -> Fact:
    fact = calls(caller, callee, minutes=minutes, source=extractor)
    return replace(
        fact,
        provenance=(
            replace(provenance(extractor, minutes), extractor=f"{extractor}@1", reference=reference),
        ),
    )


def test_all_that_one_extractor_version_said_is_taken_back_at_once_and_brought_back(
    database: Database,
) -> None:
    graph = database.graph
    wrong = by("graphs", "cart", "moon")
    graph.assert_facts([wrong, by("graphs", "cart", "db", reference="q2"), by("traces", "cart", "db")])
    both = next(f for f in graph.facts() if f.object == service("db"))
    newer = replace(by("graphs", "web", "cart").provenance[0], extractor="graphs@2")
    graph.assert_fact(replace(by("graphs", "web", "cart"), provenance=(newer,)))

    counted = database.curation.said_by("graphs", "1")
    assert counted == Said(episodes=2, assertions=2, facts=1)
    assert database.curation.withdraw("graphs", "1", at=after(10)) == counted
    assert database.curation.said_by("graphs", "1") == Said(episodes=0, assertions=0, facts=0)
    assert {fact.object for fact in graph.facts()} == {service("db"), service("cart")}
    left = graph.facts_with([both.id])[0]
    assert [said.source for said in left.provenance] == ["traces"]
    assert len(graph.facts(known_at=after(5))) == 3
    assert {len(fact.provenance) for fact in graph.facts(known_at=after(5), subject=service("cart"))} == {
        1,
        2,
    }

    assert database.curation.restore("graphs", "1", at=after(20)) == counted
    assert len(graph.facts()) == 3
    again = next(f for f in graph.facts() if f.object == service("moon"))
    assert (again.supersedes, again.recorded_at) == (wrong.id, after(20))
    assert {said.source for said in graph.facts_with([both.id])[0].provenance} == {"graphs", "traces"}
    assert service("moon") not in {fact.object for fact in graph.facts(known_at=after(15))}
    assert service("moon") in {fact.object for fact in graph.facts(known_at=after(25))}
    assert database.curation.withdraw("graphs", at=after(30)).facts == 2


def test_a_merge_and_a_withdrawal_survive_export_and_import(database: Database, tmp_path: Path) -> None:
    told(database)
    database.graph.assert_facts([by("graphs", "cart", "moon"), by("graphs", "web", "cart")])
    database.curation.merge(merge("cart-svc", "cart", 10))
    database.curation.withdraw("graphs", "1", at=after(11))
    other = opened(f"sqlite:///{tmp_path / 'other.db'}")
    other.migrate()
    records = list(database.archive.records())
    other.archive.load(records)
    assert list(other.archive.records()) == records
    assert said(other) == said(database) == {("web", "cart"), ("cart", "db")}
    assert said(other, known_at=after(5)) == said(database, known_at=after(5))
    other.curation.restore("graphs", at=after(20))
    assert ("cart", "moon") in said(other)
    other.close()


def test_a_graph_of_the_version_before_gains_the_new_tables_and_keeps_its_facts(
    url: str, database: Database
) -> None:
    database.graph.assert_fact(calls("cart", "db"))
    database.close()
    address = url.replace("postgresql:", "postgresql+psycopg:")
    engine = create_engine(address)
    with engine.begin() as connection:
        for index in ("fact_relation", "assertion_episode"):
            connection.execute(text(f"DROP INDEX {index}"))
        for column in ("episode", "withdrawn_at", "restored_at"):
            connection.execute(text(f"ALTER TABLE assertion DROP COLUMN {column}"))
        for table in ("episode", "node_merge"):
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0005'"))
    engine.dispose()
    newer = opened(url)
    newer.migrate()
    assert [fact.statement for fact in newer.graph.facts()] == ["cart calls db"]
    assert newer.curation.withdraw("graphs", at=after(1)).facts == 0
    assert len(newer.graph.facts()) == 1
    newer.close()
