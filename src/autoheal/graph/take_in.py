"""Writes what a source tells into the graph: replaced is linked, gone has ended, nothing is forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from autoheal.domain.catalog import TakenIn
from autoheal.domain.fact import FUNCTIONAL, Fact, Method, Node, NodeKind, Relation
from autoheal.graph.conflicts import sources
from autoheal.graph.told import Told, ended
from autoheal.ports.stores import GraphStore

_WINDOW = timedelta(hours=24)
"""An observation counts once a day and source: more would outweigh people and fill the store."""
_LIVE = (NodeKind.SERVICE, NodeKind.RESOURCE)
_TOPOLOGY = (Relation.CALLS, Relation.DEPENDS_ON)

Saying = tuple[str, str, str, str]


@dataclass(slots=True)
class Intake:
    """Remembers what was said lately, so that a call seen every minute is written once a day."""

    graph: GraphStore
    _said: dict[Saying, datetime] = field(default_factory=dict)
    _read: set[str] = field(default_factory=set)

    def take_in(self, told: Told, *, now: datetime) -> TakenIn:
        """Write it; the same thing told again changes only when a node was last seen."""
        self._recollect(told)
        self.graph.save_nodes(told.nodes)
        for alias in told.aliases:
            self.graph.add_alias(alias.scheme, alias.value, alias.urn)
        fresh = [fact for fact in told.facts if self._is_due(fact, told.source, now)]
        replaced = sum(self._replace(fact, told, now) for fact in fresh)
        self.graph.assert_facts(fresh)
        self._said |= {_saying(fact, told.source): now for fact in fresh}
        return TakenIn(
            source=told.source,
            nodes=len(told.nodes),
            facts=len(fresh),
            replaced=replaced,
            ended=self._end(told, now) if told.whole else 0,
        )

    def _recollect(self, told: Told) -> None:
        """After a start: what this source had said before, so that it is not written once more."""
        if told.source in self._read:
            return
        self._read.add(told.source)
        for relation in {fact.relation for fact in told.facts} | told.whole:
            for fact in self.graph.facts(relation=relation, as_told=True):
                said = [p.asserted_at for p in fact.provenance if p.source == told.source]
                if said:
                    self._said[_saying(fact, told.source)] = max(said)

    def _is_due(self, fact: Fact, source: str, now: datetime) -> bool:
        before = self._said.get(_saying(fact, source))
        if before is None:
            return True
        observed = fact.provenance[0].method is Method.OBSERVED
        return observed and fact.relation is Relation.CALLS and now - before >= _WINDOW

    def _replace(self, fact: Fact, told: Told, now: datetime) -> int:
        """A source that names another owner than it did takes back its own word, with a link; no other's."""
        if fact.relation not in FUNCTIONAL:
            return 0
        still = {f.object for f in told.facts if (f.subject, f.relation) == (fact.subject, fact.relation)}
        known = self.graph.facts(subject=fact.subject, relation=fact.relation, as_told=True)
        gone = [f for f in known if f.object not in still and sources(f) == {told.source}]
        for old in gone:
            self.graph.supersede(old.id, fact)
            self.graph.assert_fact(ended(old, at=now, until=now))
            self._said.pop(_saying(old, told.source), None)
        return len(gone)

    def _end(self, told: Told, now: datetime) -> int:
        """What the source used to say, and nobody else says, is over since now; history stays."""
        stated = {_saying(fact, told.source) for fact in told.facts}
        count = 0
        for saying in [s for s in self._said if s[3] == told.source and Relation(s[1]) in told.whole]:
            if saying in stated:
                continue
            del self._said[saying]
            subject, relation, target, _ = saying
            told_so = self.graph.facts(
                subject=subject, relation=Relation(relation), object=target, as_told=True
            )
            for fact in told_so:
                if sources(fact) == {told.source}:
                    self.graph.supersede(fact.id, ended(fact, at=now, until=now))
                    count += 1
        return count


def _saying(fact: Fact, source: str) -> Saying:
    return fact.subject, fact.relation.value, fact.object, source


def retire(graph: GraphStore, *, now: datetime, after: timedelta) -> list[Node]:
    """Retire what no source has told of for so long, and end its calls; nothing is forgotten."""
    gone = [
        node
        for kind in _LIVE
        for node in graph.nodes(kind)
        if node.seen_at is not None and now - node.seen_at >= after and not _declared(graph, node)
    ]
    for node in gone:
        graph.save_node(replace(node, retired_at=now))
        for fact in _calls_of(graph, node):
            graph.supersede(fact.id, ended(fact, at=now, until=_last_said(fact)))
    return gone


def _declared(graph: GraphStore, node: Node) -> bool:
    """What a person or a file still declares is not gone because it is quiet."""
    facts = graph.facts(subject=node.urn)
    return any(said.method in (Method.DECLARED, Method.HUMAN) for f in facts for said in f.provenance)


def _calls_of(graph: GraphStore, node: Node) -> Sequence[Fact]:
    found = [f for relation in _TOPOLOGY for f in graph.facts(subject=node.urn, relation=relation)]
    found += [f for relation in _TOPOLOGY for f in graph.facts(object=node.urn, relation=relation)]
    return list({fact.id: fact for fact in found}.values())


def _last_said(fact: Fact) -> datetime:
    return max(said.asserted_at for said in fact.provenance)


def last_seen(facts: Iterable[Fact]) -> datetime | None:
    """When a source last told of any of these."""
    return max((_last_said(fact) for fact in facts), default=None)
