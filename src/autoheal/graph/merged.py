"""What a merged proposal of our own tells the graph: a reviewed change, its commit, who merged it. Pure."""

from __future__ import annotations

from datetime import datetime

from autoheal.domain.change import ChangeKind
from autoheal.domain.fact import Method, NodeKind, Relation
from autoheal.domain.proposal import Proposal, ProposalKind
from autoheal.graph.observed import PULL_REQUEST
from autoheal.graph.told import Telling, Told


def merged(proposal: Proposal, *, commit: str, actor: str, at: datetime) -> Told:
    """The pull request that the proposal was; a fix is what resolves its incident for good."""
    telling = Telling(
        source=f"git:{proposal.repository}",
        method=Method.HUMAN,
        at=at,
        extractor="proposal@1",
        actor=actor,
        reference=proposal.id,
    )
    request = telling.node(
        NodeKind.CHANGE,
        proposal.id,
        title=f"{proposal.kind} of {proposal.repository}",
        attributes={"kind": PULL_REQUEST, "proposal": proposal.kind, "repository": proposal.repository},
    )
    brought = telling.node(NodeKind.CHANGE, commit, attributes={"kind": ChangeKind.COMMIT})
    telling.fact(request, Relation.CONTAINS, brought, f"proposal {proposal.id} brought commit {commit[:12]}")
    person = telling.node(NodeKind.PERSON, actor)
    telling.fact(request, Relation.APPROVED_BY, person, f"{actor} merged proposal {proposal.id}")
    if proposal.kind is ProposalKind.FIX:
        incident = telling.node(NodeKind.INCIDENT, proposal.incident_id)
        said = f"{proposal.incident_id} was resolved by the merged fix {proposal.id}"
        telling.fact(incident, Relation.RESOLVED_BY, request, said)
    return telling.told()
