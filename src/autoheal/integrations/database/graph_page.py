"""One page of the catalog, cut and counted by the database; and which things are told to have two of one."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, cast, func, or_, select
from sqlalchemy.dialects.postgresql import JSONB

from autoheal.domain.catalog import Asked, NodePage
from autoheal.domain.fact import Node, Relation
from autoheal.integrations.database import schema
from autoheal.integrations.database.codec import decode
from autoheal.integrations.database.facts import BATCH, FACTS, NOW
from autoheal.integrations.database.merges import Joined
from autoheal.integrations.database.schema import storable

NODES = schema.node


def page(connection: Connection, asked: Asked, joined: Joined) -> NodePage:
    """The nodes that fit, by kind and name; what was merged into another counts as that one."""
    terms = _terms(connection, asked, joined)
    total = connection.execute(select(func.count()).select_from(NODES).where(*terms)).scalar_one()
    query = select(NODES.c.urn).where(*terms).order_by(NODES.c.kind, NODES.c.name, NODES.c.urn)
    keys = list(connection.execute(query.limit(asked.limit).offset(asked.offset)).scalars())
    found = {node.urn: node for node in joined.nodes(_nodes(connection, joined.all(keys)))}
    return NodePage(nodes=tuple(found[key] for key in keys if key in found), total=total)


def _nodes(connection: Connection, urns: Sequence[str]) -> list[Node]:
    found: list[Node] = []
    for start in range(0, len(urns), BATCH):
        query = select(NODES.c.body).where(NODES.c.urn.in_(urns[start : start + BATCH]))
        found += [decode(Node, body) for body in connection.execute(query).scalars()]
    return found


def _terms(connection: Connection, asked: Asked, joined: Joined) -> list[ColumnElement[bool]]:
    terms: list[ColumnElement[bool]] = []
    if asked.kind is not None:
        terms.append(NODES.c.kind == asked.kind.value)
    if not asked.retired:
        terms.append(_field(connection, "retired_at").is_(None))
    if joined.target:
        terms.append(NODES.c.urn.not_in(list(joined.target)))
    for word in storable(asked.words).split():
        title = func.lower(_field(connection, "title"))
        either = (func.lower(NODES.c.name), title)
        terms.append(or_(*(column.contains(word.lower(), autoescape=True) for column in either)))
    return terms


def _field(connection: Connection, name: str) -> ColumnElement[str]:
    if connection.dialect.name == "sqlite":
        return func.json_extract(NODES.c.body, f"$.{name}")
    text: ColumnElement[str] = cast(NODES.c.body, JSONB)[name].astext
    return text


def contested(connection: Connection, relations: Sequence[Relation], joined: Joined) -> list[str]:
    """Subjects that are told to stand so to several things now; what is several names may be one of them."""
    names = [relation.value for relation in relations]
    several = (
        select(FACTS.c.subject)
        .where(FACTS.c.relation.in_(names), *NOW.terms)
        .group_by(FACTS.c.subject, FACTS.c.relation)
        .having(func.count(FACTS.c.object.distinct()) > 1)
        .order_by(FACTS.c.subject)
    )
    found = connection.execute(several).scalars()
    return list(dict.fromkeys([*map(joined.one, found), *joined.members]))
