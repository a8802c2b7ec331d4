"""Observed calls as facts: who calls whom, as traces tell, each with its source and time. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from autoheal.domain.fact import Fact, Method, Node, NodeKind, Provenance, Relation, urn


def service_node(name: str) -> Node:
    """The node of a service as telemetry names it."""
    return Node(urn=urn(NodeKind.SERVICE, name), kind=NodeKind.SERVICE, name=name)


def call_facts(calls: Iterable[tuple[str, str]], *, source: str, at: datetime) -> list[Fact]:
    """One observed fact for each caller and callee; seen again, it gains a provenance and no twin."""
    provenance = Provenance(
        source=source, method=Method.OBSERVED, asserted_at=at, actor="autoheal", extractor="traces@1"
    )
    return [
        Fact(
            id=f"fact:{caller}:calls:{callee}:{at.isoformat()}",
            subject=urn(NodeKind.SERVICE, caller),
            relation=Relation.CALLS,
            object=urn(NodeKind.SERVICE, callee),
            statement=f"{caller} calls {callee}",
            recorded_at=at,
            valid_from=at,
            provenance=(provenance,),
        )
        for caller, callee in sorted(set(calls))
    ]
