"""Nodes that turned out to be one: read as one from then on, each keeping what was told under its name."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, select

from autoheal.domain.fact import Fact, Node
from autoheal.integrations.database import schema
from autoheal.ports.curation import Merge

_FRESH_SECONDS = 2.0
"""A merge of another process is seen after so long; one of our own at once."""


@dataclass(frozen=True, slots=True)
class Joined:
    """Which names stand for which node at one instant."""

    target: Mapping[str, str]
    members: Mapping[str, Sequence[str]]

    def one(self, urn: str) -> str:
        """The node behind a urn."""
        return self.target.get(urn, urn)

    def all(self, urns: Sequence[str]) -> Sequence[str]:
        """Every name under which these nodes were told of."""
        if not self.target:
            return urns
        return list(dict.fromkeys(each for urn in urns for each in self.named(urn)))

    def named(self, urn: str) -> Sequence[str]:
        """The node first, then the names that were merged into it."""
        node = self.one(urn)
        return (node, *self.members.get(node, ()))

    def facts(self, facts: Sequence[Fact]) -> list[Fact]:
        """Between the nodes as they are now; what a node would say of itself by being merged is left out."""
        if not self.target:
            return list(facts)
        return [read for fact in facts if (read := self._read(fact)) is not None]

    def _read(self, fact: Fact) -> Fact | None:
        ends = self.one(fact.subject), self.one(fact.object)
        if ends == (fact.subject, fact.object):
            return fact
        return None if ends[0] == ends[1] else replace(fact, subject=ends[0], object=ends[1])

    def united(self, facts: Sequence[Fact]) -> list[Fact]:
        """The same, and what was told of two names of one node is one fact with the sources of both."""
        if not self.target:
            return list(facts)
        found: dict[tuple[object, ...], Fact] = {}
        for fact in self.facts(facts):
            key = (fact.subject, fact.relation, fact.object, fact.valid_to)
            known = found.get(key)
            if known is not None:
                said = tuple(dict.fromkeys((*known.provenance, *fact.provenance)))
                fact = replace(known, provenance=said)  # noqa: PLW2901  the one in whose place it comes
            found[key] = fact
        return list(found.values())

    def nodes(self, nodes: Iterable[Node]) -> list[Node]:
        """One for each, seen when any of its names was last seen."""
        if not self.target:
            return list(nodes)
        told = {node.urn: node for node in nodes}
        kept = [node for node in told.values() if node.urn not in self.target]
        return [self._node(node, told) for node in kept]

    def _node(self, node: Node, told: Mapping[str, Node]) -> Node:
        names = [told[urn] for urn in self.members.get(node.urn, ()) if urn in told]
        for other in sorted(names, key=lambda n: n.seen_at.timestamp() if n.seen_at else 0.0):
            seen = replace(other, urn=node.urn, kind=node.kind, name=node.name, title=node.title)
            node = node.updated(replace(seen, attributes={**other.attributes, **node.attributes}))
        return node


APART = Joined({}, {})


def joined(merges: Iterable[Merge], known_at: datetime | None) -> Joined:
    """What was one at the instant (now when none is given); a chain of merges leads to its end."""
    direct = {
        merge.source: merge.target
        for merge in merges
        if (merge.undone_at is None if known_at is None else _held(merge, known_at))
    }
    target = {source: _end(source, direct) for source in direct}
    members: dict[str, list[str]] = {}
    for source, node in target.items():
        members.setdefault(node, []).append(source)
    return Joined(target, members)


def _held(merge: Merge, at: datetime) -> bool:
    return merge.at <= at and (merge.undone_at is None or merge.undone_at > at)


def _end(urn: str, direct: Mapping[str, str]) -> str:
    seen = {urn}
    while (following := direct.get(urn)) is not None and following not in seen:
        seen.add(following)
        urn = following
    return urn


class Merges:
    """The merges of a database, read again every other second: they are few, and people make them."""

    def __init__(self) -> None:
        self._known: Sequence[Merge] = ()
        self._read_at = float("-inf")

    def at(self, connection: Connection, known_at: datetime | None) -> Joined:
        """What is one node at the instant."""
        if time.monotonic() - self._read_at > _FRESH_SECONDS:
            self._known, self._read_at = read_all(connection), time.monotonic()
        return joined(self._known, known_at) if self._known else APART

    def forget(self) -> None:
        """Read anew at the next question."""
        self._read_at = float("-inf")


def read_all(connection: Connection) -> list[Merge]:
    """Every merge, oldest first."""
    rows = connection.execute(select(schema.node_merge).order_by(schema.node_merge.c.sequence))
    return [
        Merge(
            source=row.source,
            target=row.target,
            at=datetime.fromisoformat(row.at),
            actor=row.actor,
            reason=row.reason,
            undone_at=datetime.fromisoformat(row.undone_at) if row.undone_at else None,
        )
        for row in rows
    ]


def row_of(merge: Merge) -> dict[str, object]:
    """As it is stored; the exact times, since as-of questions compare them."""
    return {
        "source": merge.source,
        "target": merge.target,
        "at": merge.at.isoformat(),
        "actor": merge.actor,
        "reason": merge.reason,
        "undone_at": merge.undone_at.isoformat() if merge.undone_at else None,
    }
