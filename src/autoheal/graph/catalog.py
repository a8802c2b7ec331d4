"""The catalog as a view that table and graph share: the same things, the same relations, the same counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from autoheal.domain.catalog import Around, Entry, Link, View
from autoheal.domain.fact import LAYERS, Fact, Node, NodeKind, urn
from autoheal.graph.confidence import confidence
from autoheal.graph.conflicts import conflicts
from autoheal.graph.take_in import last_seen
from autoheal.ports.stores import GraphStore

MOST_NODES = 60
"""More than a person can look at; what is left out is counted."""


def entries(graph: GraphStore, *, kind: NodeKind | None = None, retired: bool = False) -> list[Entry]:
    """The catalog, or one kind of it, by name."""
    nodes = graph.nodes(kind, retired=retired)
    touching: dict[str, list[Fact]] = {node.urn: [] for node in nodes}
    for fact in graph.facts():
        for end in (fact.subject, fact.object):
            if end in touching:
                touching[end].append(fact)
    return [_entry(node, touching[node.urn]) for node in nodes]


def view(graph: GraphStore, center: str, around: Around, *, now: datetime) -> View:
    """What stands around a thing, nearest first; read by table and graph alike."""
    near = graph.neighborhood(
        center,
        relations=around.relations,
        hops=around.hops,
        known_at=around.known_at,
        true_at=around.true_at,
    )
    facts = near.facts
    ends = list(dict.fromkeys((center, *(end for fact in facts for end in _outward(fact, center)))))
    kept = set(ends[:MOST_NODES])
    shown = [fact for fact in facts if fact.subject in kept and fact.object in kept]
    return View(
        center=center,
        entries=tuple(_entry(node_of(graph, key), _of(key, shown)) for key in ends[:MOST_NODES]),
        links=tuple(link(fact, now=now) for fact in shown),
        conflicts=tuple(conflicts(shown)),
        left_out=len(ends) - len(kept),
        cut=near.cut,
        facts_left_out=near.facts_left_out,
        things_left_out=near.things_left_out,
        cut_says=near.says,
    )


def _outward(fact: Fact, center: str) -> Sequence[str]:
    return (fact.subject, fact.object) if fact.object != center else (fact.object, fact.subject)


def _of(key: str, facts: Iterable[Fact]) -> list[Fact]:
    return [fact for fact in facts if key in (fact.subject, fact.object)]


def node_of(graph: GraphStore, key: str) -> Node:
    """The node, or what its urn says of it where nobody has described it."""
    found = graph.node(key)
    if found is not None:
        return found
    rest = [*key.split(":", 2), "", ""][2]
    return Node(urn=key, kind=kind_of(key), name=rest.partition("/")[2] or key)


def kind_of(key: str) -> NodeKind:
    """The kind that a urn names."""
    kind = [*key.split(":", 2), "", ""][1]
    return NodeKind(kind) if kind in set(NodeKind) else NodeKind.DECISION


def _entry(node: Node, facts: Sequence[Fact]) -> Entry:
    seen = [moment for moment in (node.seen_at, last_seen(facts)) if moment is not None]
    return Entry(
        urn=node.urn,
        kind=node.kind,
        layer=LAYERS[node.kind],
        name=node.name,
        title=node.title,
        sources=tuple(sorted({said.source for fact in facts for said in fact.provenance})),
        seen_at=max(seen, default=None),
        retired_at=node.retired_at,
    )


def link(fact: Fact, *, now: datetime) -> Link:
    """A fact as the catalog shows it."""
    return Link(
        id=fact.id,
        subject=fact.subject,
        relation=fact.relation,
        object=fact.object,
        statement=fact.statement,
        confidence=round(confidence(fact, now=now), 3),
        methods=tuple(sorted({said.method.value for said in fact.provenance})),
        sources=tuple(sorted({said.source for said in fact.provenance})),
        since=fact.valid_from,
        until=fact.valid_to,
        seen_at=last_seen([fact]),
        supersedes=fact.supersedes,
    )


def found_as(graph: GraphStore, written: str) -> str | None:
    """The urn behind a urn, a name or a source's own name; None where nobody knows it."""
    if written.startswith("ah:"):
        known = graph.node(written.lower())
        return known.urn if known is not None else written.lower()
    for kind in NodeKind:
        node = graph.node(urn(kind, written))
        if node is not None:
            return node.urn
    schemes = ("name", "k8s.deployment", "github.repo", "pagerduty.service", "sentry.project")
    return next((found for scheme in schemes if (found := graph.resolve(scheme, written))), None)
