"""Nodes, aliases, bi-temporal facts with their assertions, use counts and the trust of skills."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid5

from sqlalchemy import ColumnElement, Connection, and_, func, literal_column, or_, select, text, update

from autoheal.domain.errors import ConflictError
from autoheal.domain.fact import Fact, Node, Provenance, Relation
from autoheal.domain.skill import Trust
from autoheal.integrations.database import schema
from autoheal.integrations.database.codec import decode, encode
from autoheal.integrations.database.connections import Connections
from autoheal.integrations.database.schema import storable
from autoheal.integrations.database.writing import insert_once, upsert

_FACTS, _ASSERTIONS = schema.fact, schema.assertion
_NAMESPACE = UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")
_FRONTIER = 500
_MOST_FACTS = 2_000
_ID_ATTEMPTS = 1_000
_MATCH = text(
    "SELECT fact_words.fact_id FROM fact_words JOIN fact ON fact.id = fact_words.fact_id"
    " WHERE fact_words MATCH :words AND fact.retracted_at IS NULL ORDER BY rank LIMIT :limit"
)


class DatabaseGraph:
    """The GraphStore on a database."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    # ------------------------------------------------------------ nodes

    def save_node(self, node: Node) -> None:
        """Insert or update by urn."""
        values = {"urn": node.urn, "kind": node.kind.value, "name": node.name, "body": encode(node)}
        with self._connections.write() as connection:
            upsert(connection, schema.node, values, "urn")

    def node(self, urn: str) -> Node | None:
        """One node."""
        with self._connections.read() as connection:
            body = connection.execute(select(schema.node.c.body).where(schema.node.c.urn == urn)).scalar()
        return decode(Node, body) if body is not None else None

    def nodes(self, kind: str | None = None) -> Sequence[Node]:
        """Nodes by name."""
        query = select(schema.node.c.body).order_by(schema.node.c.kind, schema.node.c.name)
        if kind is not None:
            query = query.where(schema.node.c.kind == str(kind))
        with self._connections.read() as connection:
            return [decode(Node, body) for body in connection.execute(query).scalars()]

    def add_alias(self, scheme: str, value: str, urn: str) -> None:
        """Another name of the node."""
        with self._connections.write() as connection:
            upsert(
                connection, schema.alias, {"scheme": scheme, "value": value, "urn": urn}, "scheme", "value"
            )

    def resolve(self, scheme: str, value: str) -> str | None:
        """The urn behind a source's name."""
        table = schema.alias
        query = select(table.c.urn).where(table.c.scheme == scheme, table.c.value == value)
        with self._connections.read() as connection:
            return connection.execute(query).scalar()

    # ------------------------------------------------------------ facts

    def assert_fact(self, fact: Fact) -> Fact:
        """Believe a fact, or add its provenance to the same open one."""
        with self._connections.write() as connection:
            fact_id = _same_open_fact(connection, fact)
            if fact_id is None:
                fact_id = _insert(connection, fact, sqlite=self._connections.sqlite)
            for provenance in fact.provenance:
                insert_once(connection, _ASSERTIONS, _assertion_row(fact_id, provenance))
            return _facts(connection, _FACTS.c.id == fact_id)[0]

    def retract(self, fact_id: str, at: datetime) -> None:
        """Stop believing; history stays."""
        where = and_(_FACTS.c.id == fact_id, _FACTS.c.retracted_at.is_(None))
        with self._connections.write() as connection:
            connection.execute(update(_FACTS).where(where).values(retracted_at=at.timestamp()))

    def facts(
        self,
        *,
        subject: str | None = None,
        relation: Relation | None = None,
        object: str | None = None,  # noqa: A002  the words of a triple
        known_at: datetime | None = None,
        true_at: datetime | None = None,
    ) -> Sequence[Fact]:
        """Facts that match, as known at and true at the given instants."""
        wanted = {"subject": subject, "relation": relation and relation.value, "object": object}
        terms = [_FACTS.c[name] == value for name, value in wanted.items() if value is not None]
        with self._connections.read() as connection:
            return _facts(connection, *terms, _known(known_at), _true(true_at), known_at=known_at)

    def neighborhood(
        self, urn: str, *, relations: Sequence[Relation], hops: int, known_at: datetime | None = None
    ) -> Sequence[Fact]:
        """Breadth first in either direction, frontier by frontier: portable, and fast on both databases."""
        kinds = [relation.value for relation in relations]
        found: dict[str, Fact] = {}
        seen, frontier = {urn}, [urn]
        with self._connections.read() as connection:
            for _ in range(hops):
                touching = or_(_FACTS.c.subject.in_(frontier), _FACTS.c.object.in_(frontier))
                wanted = (touching, _FACTS.c.relation.in_(kinds), _known(known_at), _true(None))
                near = _facts(connection, *wanted, known_at=known_at, limit=_MOST_FACTS)
                found |= {fact.id: fact for fact in near}
                reached = {end for fact in near for end in (fact.subject, fact.object)}
                frontier = sorted(reached - seen)[:_FRONTIER]
                seen |= reached
                if not frontier or len(found) >= _MOST_FACTS:
                    break
        return list(found.values())[:_MOST_FACTS]

    def search(self, text: str, *, limit: int = 10) -> Sequence[Fact]:
        """Facts whose statement has any of the words, those with most of them first."""
        words = re.findall(r"\w+", storable(text))[:32]
        if not words:
            return []
        with self._connections.read() as connection:
            ids = _matches(connection, words, limit, sqlite=self._connections.sqlite)
            facts = {fact.id: fact for fact in _facts(connection, _FACTS.c.id.in_(ids), _known(None))}
        return [facts[key] for key in ids if key in facts]

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


def _known(at: datetime | None) -> ColumnElement[bool]:
    """What was believed at the instant: recorded by then, and not yet retracted."""
    if at is None:
        return _FACTS.c.retracted_at.is_(None)
    then = at.timestamp()
    believed = or_(_FACTS.c.retracted_at.is_(None), _FACTS.c.retracted_at > then)
    return and_(_FACTS.c.recorded_at <= then, believed)


def _true(at: datetime | None) -> ColumnElement[bool]:
    """What held in the world at the instant; now when none is given."""
    if at is None:
        return _FACTS.c.valid_to.is_(None)
    then = at.timestamp()
    begun = or_(_FACTS.c.valid_from.is_(None), _FACTS.c.valid_from <= then)
    return and_(begun, or_(_FACTS.c.valid_to.is_(None), _FACTS.c.valid_to > then))


def _facts(
    connection: Connection,
    *terms: ColumnElement[bool],
    known_at: datetime | None = None,
    limit: int | None = None,
) -> list[Fact]:
    rows = connection.execute(
        select(_FACTS.c.id, _FACTS.c.body, _FACTS.c.retracted_at)
        .where(*terms)
        .order_by(_FACTS.c.recorded_at, _FACTS.c.id)
        .limit(limit)
    ).all()
    said = _assertions(connection, [row[0] for row in rows])
    return [_believed(body, key, said[key], retracted, known_at) for key, body, retracted in rows]


def _believed(
    body: str,
    fact_id: str,
    provenance: tuple[Provenance, ...],
    retracted: float | None,
    known_at: datetime | None,
) -> Fact:
    """The fact as it was known: what was said or taken back later is left out."""
    retracted_at = None if retracted is None else datetime.fromtimestamp(retracted, tz=UTC)
    if known_at is not None:
        provenance = tuple(said for said in provenance if said.asserted_at <= known_at) or provenance[:1]
        retracted_at = None
    return replace(decode(Fact, body), id=fact_id, retracted_at=retracted_at, provenance=provenance)


def _assertions(connection: Connection, fact_ids: list[str]) -> dict[str, tuple[Provenance, ...]]:
    said: dict[str, tuple[Provenance, ...]] = dict.fromkeys(fact_ids, ())
    for start in range(0, len(fact_ids), _FRONTIER):
        query = select(_ASSERTIONS.c.fact_id, _ASSERTIONS.c.body).where(
            _ASSERTIONS.c.fact_id.in_(fact_ids[start : start + _FRONTIER])
        )
        for fact_id, body in connection.execute(query.order_by(_ASSERTIONS.c.sequence)):
            said[fact_id] += (decode(Provenance, body),)
    return said


def _same_open_fact(connection: Connection, fact: Fact) -> str | None:
    same = [_FACTS.c.subject == fact.subject, _FACTS.c.object == fact.object]
    same += [_FACTS.c.relation == fact.relation.value, _FACTS.c.retracted_at.is_(None)]
    # A fact that has ended is another fact than the one that still holds.
    ended = fact.valid_to.timestamp() if fact.valid_to else None
    same += [_FACTS.c.valid_to.is_(None) if ended is None else _FACTS.c.valid_to == ended]
    return connection.execute(select(_FACTS.c.id).where(*same).limit(1)).scalar()


def _insert(connection: Connection, fact: Fact, *, sqlite: bool) -> str:
    """Believe it under its own id, or under a new one where that belongs to what was once retracted."""
    row = _fact_row(fact)
    for attempt in range(1, _ID_ATTEMPTS):
        if insert_once(connection, _FACTS, row):
            _index(connection, str(row["id"]), fact.statement, sqlite=sqlite)
            return str(row["id"])
        # Not ours: another process came to believe the same in this moment.
        if same := _same_open_fact(connection, fact):
            return same
        row["id"] = f"{fact.id}:{attempt + 1}"
    raise ConflictError(f"fact {fact.id} was retracted too often; give it a new id")


def _fact_row(fact: Fact) -> dict[str, object]:
    return {
        "id": fact.id,
        "subject": fact.subject,
        "relation": fact.relation.value,
        "object": fact.object,
        "statement": fact.statement,
        "valid_from": fact.valid_from.timestamp() if fact.valid_from else None,
        "valid_to": fact.valid_to.timestamp() if fact.valid_to else None,
        "recorded_at": fact.recorded_at.timestamp(),
        "retracted_at": fact.retracted_at.timestamp() if fact.retracted_at else None,
        "body": encode(fact),
    }


def _assertion_row(fact_id: str, provenance: Provenance) -> dict[str, object]:
    """One source says the same thing once, however often it is read; another moment is another saying."""
    body = encode(provenance)
    return {"fact_id": fact_id, "key": str(uuid5(_NAMESPACE, body)), "body": body}


def _index(connection: Connection, fact_id: str, statement: str, *, sqlite: bool) -> None:
    if sqlite:
        query = text("INSERT INTO fact_words (fact_id, statement) VALUES (:id, :statement)")
        connection.execute(query, {"id": storable(fact_id), "statement": storable(statement)})


def _matches(connection: Connection, words: list[str], limit: int, *, sqlite: bool) -> list[str]:
    if sqlite:
        quoted = " OR ".join(f'"{word}"' for word in words)
        return list(connection.execute(_MATCH, {"words": quoted, "limit": limit}).scalars())
    # Spelled like the index: only the same expression finds it.
    simple: ColumnElement[str] = literal_column("'simple'::regconfig")
    asked = func.to_tsquery(simple, " | ".join(words))
    document = func.to_tsvector(simple, _FACTS.c.statement)
    ranked = (
        select(_FACTS.c.id)
        .where(document.op("@@")(asked), _FACTS.c.retracted_at.is_(None))
        .order_by(func.ts_rank(document, asked).desc(), _FACTS.c.id)
    )
    return list(connection.execute(ranked.limit(limit)).scalars())
