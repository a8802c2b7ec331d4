"""The production context graph in lists: nodes, facts in two times, aliases, use and trust."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime

from autoheal.domain.catalog import Asked, Nearby, NodePage
from autoheal.domain.fact import Fact, Node, Relation
from autoheal.domain.skill import Trust

_MOST = 2_000


@dataclass(slots=True, kw_only=True)
class MemoryGraph:
    """A GraphStore."""

    _nodes: dict[str, Node] = field(default_factory=dict)
    _aliases: dict[tuple[str, str], str] = field(default_factory=dict)
    _facts: dict[str, Fact] = field(default_factory=dict)
    _uses: list[tuple[str, str, bool]] = field(default_factory=list)
    _trust: dict[str, Trust] = field(default_factory=dict)

    def save_node(self, node: Node) -> None:
        """Insert or update."""
        before = self._nodes.get(node.urn)
        self._nodes[node.urn] = before.updated(node) if before else node

    def save_nodes(self, nodes: Iterable[Node]) -> None:
        """Insert or update many."""
        for node in nodes:
            self.save_node(node)

    def node(self, urn: str) -> Node | None:
        """One node, if known."""
        return self._nodes.get(urn)

    def nodes(self, kind: str | None = None, *, retired: bool = False) -> Sequence[Node]:
        """Nodes by name."""
        live = (node for node in self._nodes.values() if retired or node.retired_at is None)
        found = (node for node in live if kind in (None, node.kind))
        return sorted(found, key=lambda node: node.name)

    def page(self, asked: Asked) -> NodePage:
        """One page of the nodes that fit."""
        words = asked.words.lower().split()
        fit = [
            node
            for node in self.nodes(asked.kind, retired=asked.retired)
            if all(word in node.name.lower() or word in node.title.lower() for word in words)
        ]
        fit.sort(key=lambda node: (node.kind, node.name, node.urn))
        return NodePage(nodes=tuple(fit[asked.offset : asked.offset + asked.limit]), total=len(fit))

    def contested(self, relations: Sequence[Relation]) -> Sequence[str]:
        """Subjects of these relations."""
        return list(dict.fromkeys(fact.subject for fact in self.facts() if fact.relation in relations))

    def add_alias(self, scheme: str, value: str, urn: str) -> None:
        """Another name of the node."""
        self._aliases[scheme, value] = urn

    def add_aliases(self, names: Sequence[tuple[str, str, str]]) -> None:
        """Many other names."""
        self._aliases |= {(scheme, value): urn for scheme, value, urn in names}

    def resolve(self, scheme: str, value: str) -> str | None:
        """The urn behind a source's name."""
        return self._aliases.get((scheme, value))

    def resolve_all(self, names: Sequence[tuple[str, str]]) -> Sequence[str]:
        """The urns behind many names."""
        return list(dict.fromkeys(self._aliases[name] for name in names if name in self._aliases))

    def assert_fact(self, fact: Fact) -> Fact:
        """Believe it, or add its provenance to the same open fact."""
        for known in self._facts.values():
            if _same(known, fact) and known.retracted_at is None:
                merged = tuple(dict.fromkeys((*known.provenance, *fact.provenance)))
                fact = replace(known, provenance=merged)
                break
        self._facts[fact.id] = fact
        return fact

    def assert_facts(self, facts: Iterable[Fact]) -> None:
        """Believe many."""
        for fact in facts:
            self.assert_fact(fact)

    def retract(self, fact_id: str, at: datetime) -> None:
        """Stop believing from then on."""
        self._facts[fact_id] = replace(self._facts[fact_id], retracted_at=at)

    def supersede(self, fact_id: str, by: Fact) -> Fact:
        """One fact in the place of another."""
        self.retract(fact_id, by.recorded_at)
        return self.assert_fact(replace(by, supersedes=fact_id))

    def facts(
        self,
        *,
        subject: str | None = None,
        relation: Relation | None = None,
        object: str | None = None,  # noqa: A002  subject, relation, object are the words of a triple
        known_at: datetime | None = None,
        true_at: datetime | None = None,
        as_told: bool = False,
    ) -> Sequence[Fact]:
        """Facts that match, as known and as true then; nothing is merged here."""
        del as_told
        wanted = (subject, relation, object)
        return [
            fact
            for fact in self._facts.values()
            if _matches(fact, wanted) and _known(fact, known_at) and _true(fact, true_at)
        ]

    def facts_with(self, ids: Sequence[str]) -> Sequence[Fact]:
        """Facts by id."""
        return [self._facts[key] for key in dict.fromkeys(ids) if key in self._facts]

    def touching(self, urns: Sequence[str], *, relations: Sequence[Relation], newest: int) -> Sequence[Fact]:
        """What is believed of these nodes, the newest first."""
        found = _near(self.facts(), set(urns), relations)
        return sorted(found, key=lambda fact: fact.recorded_at, reverse=True)[:newest]

    def subjects(
        self, objects: Sequence[str], *, relations: Sequence[Relation], newest: int
    ) -> Sequence[str]:
        """What stands so to these, the newest first."""
        found = [f for f in self.facts() if f.relation in relations and f.object in objects]
        newest_first = sorted(found, key=lambda fact: fact.recorded_at, reverse=True)[:newest]
        return list(dict.fromkeys(fact.subject for fact in newest_first))

    def neighborhood(
        self,
        urn: str,
        *,
        relations: Sequence[Relation],
        hops: int,
        known_at: datetime | None = None,
        true_at: datetime | None = None,
    ) -> Nearby:
        """Facts within some hops in either direction."""
        near, found = {urn}, dict[str, Fact]()
        for _ in range(hops):
            reached = _near(self.facts(known_at=known_at, true_at=true_at), near, relations)
            found.update((fact.id, fact) for fact in reached)
            near |= {end for fact in reached for end in (fact.subject, fact.object)}
        return Nearby(facts=tuple(found.values())[:_MOST], facts_left_out=max(len(found) - _MOST, 0))

    def search(
        self,
        text: str,
        *,
        limit: int = 10,
        known_at: datetime | None = None,
        true_at: datetime | None = None,
    ) -> Sequence[Fact]:
        """Facts that share most words."""
        words = set(text.lower().split())
        known = self.facts(known_at=known_at, true_at=true_at)
        scored = [(len(words & set(fact.statement.lower().split())), fact) for fact in known]
        best = sorted((pair for pair in scored if pair[0]), key=lambda pair: -pair[0])
        return [fact for _, fact in best[:limit]]

    def count_use(self, urn: str, *, incident_id: str, useful: bool, at: datetime) -> None:
        """One use of a node; the newest last."""
        del at
        self._uses.append((urn, incident_id, useful))

    def uses(self, urn: str | None = None) -> Sequence[tuple[str, str, bool]]:
        """Node, incident, useful."""
        return [use for use in self._uses if urn in (None, use[0])]

    def trust(self, skill: str) -> Trust:
        """The rung of a skill."""
        return self._trust.get(skill, Trust.CANDIDATE)

    def set_trust(self, skill: str, trust: Trust, *, reason: str, at: datetime) -> None:
        """Move on the ladder."""
        del reason, at
        self._trust[skill] = trust


def _same(known: Fact, fact: Fact) -> bool:
    """The same relation of the same two; one that has ended is another."""
    of = (known.subject, known.relation, known.object, known.valid_to)
    return of == (fact.subject, fact.relation, fact.object, fact.valid_to)


def _near(facts: Iterable[Fact], urns: AbstractSet[str], relations: Sequence[Relation]) -> list[Fact]:
    of_kind = (fact for fact in facts if fact.relation in relations)
    return [fact for fact in of_kind if fact.subject in urns or fact.object in urns]


def _matches(fact: Fact, wanted: tuple[str | None, Relation | None, str | None]) -> bool:
    triple = (fact.subject, fact.relation, fact.object)
    return all(want in (None, have) for want, have in zip(wanted, triple, strict=True))


def _known(fact: Fact, at: datetime | None) -> bool:
    if at is None:
        return fact.retracted_at is None
    return fact.recorded_at <= at and (fact.retracted_at is None or fact.retracted_at > at)


def _true(fact: Fact, at: datetime | None) -> bool:
    if at is None:
        return fact.valid_to is None
    began = fact.valid_from is None or fact.valid_from <= at
    return began and (fact.valid_to is None or fact.valid_to > at)
