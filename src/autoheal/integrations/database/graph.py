"""Nodes, aliases, bi-temporal facts with their assertions, use counts and the trust of skills."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, select, tuple_, update

from autoheal.domain.catalog import Asked, Nearby, NodePage
from autoheal.domain.fact import Fact, Node, Relation
from autoheal.domain.skill import Trust
from autoheal.integrations.database import facts as rows
from autoheal.integrations.database import graph_near, graph_page, schema
from autoheal.integrations.database.codec import decode, encode
from autoheal.integrations.database.connections import Connections
from autoheal.integrations.database.facts import BATCH, FACTS, Moment
from autoheal.integrations.database.merges import APART, Merges
from autoheal.integrations.database.schema import storable
from autoheal.integrations.database.text_index import TextIndex
from autoheal.integrations.database.walk import Walk
from autoheal.integrations.database.writing import insert_once, upsert, upsert_all

_BULK = 5_000


class DatabaseGraph:
    """The GraphStore on a database."""

    def __init__(self, connections: Connections, merges: Merges) -> None:
        self._connections = connections
        self._merges = merges
        self._text = TextIndex(sqlite=connections.sqlite)
        self._written, self._analyze_at = 0, _BULK

    # ------------------------------------------------------------ nodes

    def save_node(self, node: Node) -> None:
        """Insert or update by urn; what the newer one leaves out stays."""
        self.save_nodes([node])

    def save_nodes(self, nodes: Iterable[Node]) -> None:
        """The same for many at once."""
        newer = list(nodes)
        with self._connections.write() as connection:
            known = _nodes(connection, [node.urn for node in newer])
            changed: dict[str, Node] = {}
            for node in newer:
                before = known.get(node.urn)
                known[node.urn] = before.updated(node) if before else node
                if known[node.urn] != before:
                    changed[node.urn] = known[node.urn]
            # One order for all writers, so that no two wait for each other.
            upsert_all(connection, schema.node, [_node_row(changed[urn]) for urn in sorted(changed)], "urn")

    def node(self, urn: str) -> Node | None:
        """One node, also by a name that was merged into it."""
        with self._connections.read() as connection:
            joined = self._merges.at(connection, None)
            found = _nodes(connection, joined.named(urn))
        return next((node for node in joined.nodes(found.values()) if node.urn == joined.one(urn)), None)

    def nodes(self, kind: str | None = None, *, retired: bool = False) -> Sequence[Node]:
        """Live nodes by name; on request also those that are retired."""
        query = select(schema.node.c.body).order_by(schema.node.c.kind, schema.node.c.name)
        if kind is not None:
            query = query.where(schema.node.c.kind == str(kind))
        with self._connections.read() as connection:
            joined = self._merges.at(connection, None)
            found = [decode(Node, body) for body in connection.execute(query).scalars()]
        return [node for node in joined.nodes(found) if retired or node.retired_at is None]

    def page(self, asked: Asked) -> NodePage:
        """One page of the nodes that fit."""
        with self._connections.read() as connection:
            return graph_page.page(connection, asked, self._merges.at(connection, None))

    def contested(self, relations: Sequence[Relation]) -> Sequence[str]:
        """Subjects of which several things are told now."""
        with self._connections.read() as connection:
            return graph_page.contested(connection, relations, self._merges.at(connection, None))

    def add_alias(self, scheme: str, value: str, urn: str) -> None:
        """Another name of the node."""
        self.add_aliases([(scheme, value, urn)])

    def add_aliases(self, names: Sequence[tuple[str, str, str]]) -> None:
        """Many of them in one transaction; of two for one name the later counts."""
        found = {(storable(scheme), storable(value)): urn for scheme, value, urn in names}
        rows = [{"scheme": key[0], "value": key[1], "urn": found[key]} for key in sorted(found)]
        if rows:
            with self._connections.write() as connection:
                upsert_all(connection, schema.alias, rows, "scheme", "value")

    def resolve(self, scheme: str, value: str) -> str | None:
        """The urn behind a source's name."""
        table = schema.alias
        query = select(table.c.urn).where(table.c.scheme == scheme, table.c.value == value)
        with self._connections.read() as connection:
            found = connection.execute(query).scalar()
            return None if found is None else self._merges.at(connection, None).one(found)

    def resolve_all(self, names: Sequence[tuple[str, str]]) -> Sequence[str]:
        """The urns behind many names at once."""
        if not names:
            return []
        table = schema.alias
        query = select(table.c.scheme, table.c.value, table.c.urn).where(
            tuple_(table.c.scheme, table.c.value).in_(names[:BATCH])
        )
        with self._connections.read() as connection:
            found = {(row[0], row[1]): row[2] for row in connection.execute(query)}
            joined = self._merges.at(connection, None)
        stored = [(storable(scheme), storable(value)) for scheme, value in names]
        return list(dict.fromkeys(joined.one(found[name]) for name in stored if name in found))

    # ------------------------------------------------------------ facts

    def assert_fact(self, fact: Fact) -> Fact:
        """Believe a fact, or add its provenance to the same open one."""
        with self._connections.write() as connection:
            key = rows.believe(connection, [fact])[0]
            return rows.by_id(connection, [key], moment=None)[key]

    def assert_facts(self, facts: Iterable[Fact]) -> None:
        """Believe many at once: all of them, or none."""
        many = list(facts)
        with self._connections.write() as connection:
            rows.believe(connection, many)
            self._written += len(many)
            if not self._connections.sqlite and self._written >= self._analyze_at:
                # A planner that has not seen a bulk load yet takes the tables for small and reads them whole.
                connection.exec_driver_sql("ANALYZE fact, assertion")
                self._analyze_at = 2 * self._written

    def retract(self, fact_id: str, at: datetime) -> None:
        """Stop believing; history stays."""
        with self._connections.write() as connection:
            _retract(connection, fact_id, at)

    def supersede(self, fact_id: str, by: Fact) -> Fact:
        """Stop believing one fact when the other is recorded, which names it."""
        with self._connections.write() as connection:
            _retract(connection, fact_id, by.recorded_at)
            key = rows.believe(connection, [replace(by, supersedes=fact_id)])[0]
            return rows.by_id(connection, [key], moment=None)[key]

    def facts(
        self,
        *,
        subject: str | None = None,
        relation: Relation | None = None,
        object: str | None = None,  # noqa: A002  the words of a triple
        known_at: datetime | None = None,
        true_at: datetime | None = None,
        as_told: bool = False,
    ) -> Sequence[Fact]:
        """Facts that match, as known at and as true at the given instants."""
        with self._connections.read() as connection:
            joined = APART if as_told else self._merges.at(connection, known_at)
            ends = {"subject": subject, "object": object}
            terms: list[ColumnElement[bool]] = [
                FACTS.c[name].in_(joined.named(urn)) for name, urn in ends.items() if urn is not None
            ]
            terms += [FACTS.c.relation == relation.value] if relation is not None else []
            found = rows.read(connection, *terms, moment=Moment(known_at=known_at, true_at=true_at))
        return joined.facts(found)

    def facts_with(self, ids: Sequence[str]) -> Sequence[Fact]:
        """Facts by their ids, also those that are no longer believed."""
        with self._connections.read() as connection:
            found = rows.by_id(connection, list(ids), moment=None)
        return [found[key] for key in dict.fromkeys(ids) if key in found]

    def touching(self, urns: Sequence[str], *, relations: Sequence[Relation], newest: int) -> Sequence[Fact]:
        """What is believed now of these nodes: at most so many, the newest first."""
        with self._connections.read() as connection:
            joined = self._merges.at(connection, None)
            return joined.united(rows.touching(connection, joined.all(urns), relations, rows.NOW, newest))

    def subjects(
        self, objects: Sequence[str], *, relations: Sequence[Relation], newest: int
    ) -> Sequence[str]:
        """What is believed now to stand so to these."""
        with self._connections.read() as connection:
            joined = self._merges.at(connection, None)
            names = [relation.value for relation in relations]
            found = graph_near.subjects(connection, joined.all(objects), names, newest)
        return list(dict.fromkeys(map(joined.one, found)))

    def neighborhood(
        self,
        urn: str,
        *,
        relations: Sequence[Relation],
        hops: int,
        known_at: datetime | None = None,
        true_at: datetime | None = None,
    ) -> Nearby:
        """Breadth first in either direction, frontier by frontier: portable, and fast on both databases."""
        moment = Moment(known_at=known_at, true_at=true_at)
        with self._connections.read() as connection:
            joined = self._merges.at(connection, known_at)
            return Walk(connection, relations=relations, moment=moment, joined=joined).around(urn, hops=hops)

    def search(
        self,
        text: str,
        *,
        limit: int = 10,
        known_at: datetime | None = None,
        true_at: datetime | None = None,
    ) -> Sequence[Fact]:
        """Facts whose statement has any of the words that tell, those with most of them first."""
        moment = Moment(known_at=known_at, true_at=true_at)
        with self._connections.read() as connection:
            # Some that match are no longer believed: a few more are looked at.
            ids = self._text.matches(connection, text, limit * 4)
            found = rows.by_id(connection, ids, moment=moment)
            joined = self._merges.at(connection, known_at)
        return joined.united([found[key] for key in ids if key in found])[:limit]

    # ------------------------------------------------------------ use and trust

    def count_use(self, urn: str, *, incident_id: str, useful: bool, at: datetime) -> None:
        """One use of a node in an incident, counted once."""
        values = {"urn": urn, "incident_id": incident_id, "useful": useful, "at": at.timestamp()}
        with self._connections.write() as connection:
            insert_once(connection, schema.use, values)

    def uses(self, urn: str | None = None) -> Sequence[tuple[str, str, bool]]:
        """Node, incident and whether it was useful, in time order."""
        table = schema.use
        query = select(table.c.urn, table.c.incident_id, table.c.useful).order_by(table.c.sequence)
        if urn is not None:
            query = query.where(table.c.urn == urn)
        with self._connections.read() as connection:
            return [(row[0], row[1], row[2]) for row in connection.execute(query)]

    def trust(self, skill: str) -> Trust:
        """The rung of a skill."""
        with self._connections.read() as connection:
            rung = connection.execute(
                select(schema.trust.c.rung).where(schema.trust.c.skill == skill)
            ).scalar()
        return Trust(rung) if rung else Trust.CANDIDATE

    def set_trust(self, skill: str, trust: Trust, *, reason: str, at: datetime) -> None:
        """Move a skill on the ladder."""
        values = {"skill": skill, "rung": trust.value, "reason": reason, "at": at.timestamp()}
        with self._connections.write() as connection:
            upsert(connection, schema.trust, values, "skill")


def _node_row(node: Node) -> dict[str, object]:
    return {"urn": node.urn, "kind": node.kind.value, "name": node.name, "body": encode(node)}


def _nodes(connection: Connection, urns: Sequence[str]) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for start in range(0, len(urns), BATCH):
        query = select(schema.node.c.body).where(schema.node.c.urn.in_(urns[start : start + BATCH]))
        read = (decode(Node, body) for body in connection.execute(query).scalars())
        found |= {node.urn: node for node in read}
    return found


def _retract(connection: Connection, fact_id: str, at: datetime) -> None:
    where = and_(FACTS.c.id == fact_id, FACTS.c.retracted_at.is_(None))
    connection.execute(update(FACTS).where(where).values(retracted_at=at.timestamp()))
