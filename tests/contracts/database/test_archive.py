"""Everything that was ever believed, out as JSON lines and in again without loss, from either database."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.contracts.database.words import HOSTILE, NOON, after, calls, opened

from autoheal.domain.errors import UserError
from autoheal.domain.fact import Node, NodeKind, urn
from autoheal.domain.skill import Trust
from autoheal.graph.archive_lines import lines, read
from autoheal.integrations.database.database import Database


def fill(database: Database) -> None:
    """A graph with history: superseded, retracted, retired, said by several, hostile names."""
    graph = database.graph
    cart = Node(
        urn=urn(NodeKind.SERVICE, "cart"), kind=NodeKind.SERVICE, name="cart", attributes={"tier": HOSTILE}
    )
    graph.save_node(replace(cart, seen_at=after(1.5), retired_at=after(9)))
    graph.add_alias("k8s.deployment", "cart-v2", cart.urn)
    known = graph.assert_fact(calls("cart", "db", minutes=0))
    graph.assert_fact(calls("cart", "db", minutes=5, source="catalog"))
    graph.supersede(known.id, replace(known, id="ended", valid_to=after(20), recorded_at=after(30.25)))
    graph.assert_fact(calls("web", "cart", minutes=7))
    graph.count_use(cart.urn, incident_id="inc_1", useful=True, at=NOON)
    graph.set_trust("restart-it", Trust.TRUSTED, reason="3 of 3 helped", at=after(2))


def test_an_export_read_into_an_empty_graph_exports_the_same_again(
    database: Database, tmp_path: Path
) -> None:
    fill(database)
    first = list(lines(database.archive.records()))
    other = opened(f"sqlite:///{tmp_path / 'other.db'}")
    other.migrate()
    assert other.archive.load(read(first, file="export")) == len(first) - 1
    assert list(lines(other.archive.records())) == first
    for moment in (after(10), after(40)):
        assert other.graph.facts(known_at=moment) == database.graph.facts(known_at=moment)
    assert other.graph.search("web")[0].statement == "web calls cart"
    assert other.graph.trust("restart-it") is Trust.TRUSTED
    other.close()


def test_read_twice_nothing_is_there_twice(database: Database) -> None:
    fill(database)
    first = list(lines(database.archive.records()))
    database.archive.load(read(first, file="export"))
    assert list(lines(database.archive.records())) == first


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "export:2: is no JSON"),
        ('{"record": "knot"}', "export:2: `record` needs one of node"),
        ('{"record": "node", "urn": "x"}', "export:2: kind: Field required"),
        ("[]", "export:2: needs one JSON object a line"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_of_the_file_is_taken_in(
    database: Database, line: str, says: str
) -> None:
    good = list(lines([Node(urn="ah:team:default/a", kind=NodeKind.TEAM, name="a")]))
    with pytest.raises(UserError) as refused:
        database.archive.load(read([good[0], line, good[1]], file="export"))
    assert says in str(refused.value)
    with pytest.raises(UserError):
        database.archive.load(read([*good, line], file="export"))
    assert not database.graph.nodes()


def test_a_file_of_another_schema_is_refused(database: Database) -> None:
    with pytest.raises(UserError, match="the first line needs the schema"):
        database.archive.load(read(['{"schema": "autoheal.graph/v9"}'], file="export"))
