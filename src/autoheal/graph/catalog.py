"""The catalog as a view that table and graph share: the same things, the same relations, the same counts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from autoheal.domain.catalog import Around, Asked, CatalogPage, Entry, Link, View
from autoheal.domain.fact import LAYERS, Fact, Node, NodeKind, Relation, urn
from autoheal.graph.confidence import confidence
from autoheal.graph.conflicts import conflicts
from autoheal.graph.take_in import last_seen
from autoheal.ports.stores import GraphStore

SCHEMES = (
    "name",
    "otel.service.name",
    "k8s.deployment",
    "k8s.statefulset",
    "k8s.daemonset",
    "k8s.cronjob",
    "k8s.pod",
    "instance",
    "github.repo",
    "gitlab.repo",
    "pagerduty.service",
    "opsgenie.component",
    "sentry.project",
    "argocd.app",
    "jira.project",
)
"""Under which names of sources a thing is found, the first one first."""
NEWEST_FACTS = 50
"""Who tells of a thing is read from so many of its facts: a hub has thousands."""
SHORT_HASH = 7
COMMIT = re.compile(r"[0-9a-f]{7,64}")
MOST_NODES = 150
"""More than a person can look at; what is left out is counted."""


def entries(graph: GraphStore, asked: Asked) -> CatalogPage:
    """One page of the catalog, by kind and name; sources and last sight are of the newest facts of each."""
    found = graph.page(asked)
    touching = (
        graph.touching([node.urn], relations=tuple(Relation), newest=NEWEST_FACTS) for node in found.nodes
    )
    listed = (_entry(node, facts) for node, facts in zip(found.nodes, touching, strict=True))
    return CatalogPage(entries=tuple(listed), total=found.total, offset=asked.offset)


def title_of(node: Node) -> str:
    """What tells a node from its neighbors, wherever it is shown.

    An incident by number and title, a commit by its short hash, a change by its own label (kind, service,
    commit, time); what has a title otherwise by that, and the rest by name.
    """
    if node.kind is NodeKind.INCIDENT:
        return f"{node.name}: {node.title}" if node.title and node.title != node.name else node.name
    if node.title or node.kind is not NodeKind.CHANGE:
        return node.title or node.name
    kind = node.attributes.get("kind", "change").replace("_", " ")
    name = node.name[:SHORT_HASH] if COMMIT.fullmatch(node.name) else node.name
    return f"{kind} {name}"


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
        title=title_of(node),
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
    return next(iter(graph.resolve_all([(scheme, written) for scheme in SCHEMES])), None)
