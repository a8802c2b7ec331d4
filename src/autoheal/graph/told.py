"""What one source tells of production at one time, in nodes, facts and names. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from autoheal.domain.fact import Fact, Method, Node, NodeKind, Provenance, Relation, urn

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """Another name of a node, in the words of a source."""

    scheme: str
    value: str
    urn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Nodes first, then facts; `whole` are the relations of which the source has told all that it knows."""

    source: str
    nodes: tuple[Node, ...] = ()
    facts: tuple[Fact, ...] = ()
    aliases: tuple[Alias, ...] = ()
    whole: frozenset[Relation] = frozenset()

    def read_from(self, reference: str) -> Told:
        """The same, known to come from this input."""
        facts = (
            replace(fact, provenance=tuple(replace(said, reference=reference) for said in fact.provenance))
            for fact in self.facts
        )
        return replace(self, facts=tuple(facts))


@dataclass(slots=True, kw_only=True)
class Telling:
    """Collects what a source says at one instant; the same thing said twice is there once.

    extractor is what reads the source, as `name@version`: whoever mends how it reads raises the version, so
    that all that the faulty one said can be taken back. reference is the input that is being read.
    """

    source: str
    method: Method
    at: datetime
    extractor: str
    actor: str = "autoheal"
    reference: str = ""
    _nodes: dict[str, Node] = field(default_factory=dict)
    _facts: dict[str, Fact] = field(default_factory=dict)
    _aliases: dict[Alias, None] = field(default_factory=dict)

    def node(
        self, kind: NodeKind, name: str, *, title: str = "", attributes: Mapping[str, str] = NOTHING
    ) -> Node:
        """A node that the source names, seen now."""
        given = {key: value for key, value in attributes.items() if value}
        found = Node(
            urn=urn(kind, name), kind=kind, name=name, title=title, attributes=given, seen_at=self.at
        )
        before = self._nodes.get(found.urn)
        self._nodes[found.urn] = before.updated(found) if before else found
        return self._nodes[found.urn]

    def named(self, node: Node) -> Node:
        """A node under the urn that the source gives it."""
        return self._nodes.setdefault(node.urn, node)

    def fact(
        self,
        subject: Node,
        relation: Relation,
        target: Node,
        statement: str,
        *,
        since: datetime | None = None,
    ) -> None:
        """A relation that the source states, true since then (now where it does not say)."""
        key = f"fact:{subject.urn}|{relation}|{target.urn}"
        said = Provenance(
            source=self.source,
            method=self.method,
            asserted_at=self.at,
            actor=self.actor,
            reference=self.reference,
            extractor=self.extractor,
        )
        self._facts[key] = Fact(
            id=f"{key}@{self.at.isoformat()}",
            subject=subject.urn,
            relation=relation,
            object=target.urn,
            statement=statement,
            recorded_at=self.at,
            valid_from=since or self.at,
            provenance=(said,),
        )

    def alias(self, scheme: str, value: str, node: Node) -> None:
        """A name under which the node goes elsewhere."""
        if value:
            self._aliases[Alias(scheme=scheme, value=value, urn=node.urn)] = None

    def told(self, *, whole: Iterable[Relation] = ()) -> Told:
        """All of it."""
        return Told(
            source=self.source,
            nodes=tuple(self._nodes.values()),
            facts=tuple(self._facts.values()),
            aliases=tuple(self._aliases),
            whole=frozenset(whole),
        )


def ended(fact: Fact, *, at: datetime, until: datetime) -> Fact:
    """The same fact with its end, to be believed in its place."""
    return replace(
        fact, id=f"{fact.id}:until:{at.isoformat()}", recorded_at=at, valid_to=until, retracted_at=None
    )
