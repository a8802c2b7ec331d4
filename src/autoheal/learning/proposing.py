"""How a lesson becomes a proposal: once per kind and incident, never again unchanged, or a reason why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from autoheal.domain.errors import AutohealError
from autoheal.domain.proposal import Proof, Proposal, ProposalKind, ProposalState
from autoheal.learning.lessons import Lessons
from autoheal.learning.material import Material, material_of
from autoheal.policy.untrusted import PAGE, fit
from autoheal.ports.production import Branch


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A branch with its pull-request text and proof, not yet proposed."""

    title: str
    body: str
    branch: Branch
    proof: Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would be proposed, by the key of its content, and how to write and prove it."""

    key: str
    write: Callable[[], Draft | str]


Author: TypeAlias = Callable[[Lessons, Material], Plan | str]
"""Looks at an incident: a plan, or the reason why there is nothing to learn."""


def propose(lessons: Lessons, incident_id: str, kind: ProposalKind, author: Author) -> str:
    """Open the proposal, or say why not; does nothing when this incident has one. Returns its state."""
    known = [p for p in lessons.proposals.of_incident(incident_id) if p.kind is kind]
    if known:
        return known[0].state
    try:
        proposal = _opened(lessons, incident_id, kind, author)
    except (AutohealError, ValueError) as error:  # a word of the domain that cannot be built is no lesson
        proposal = _nothing(lessons, incident_id, kind, f"could not be prepared: {error}", "")
    lessons.proposals.save(proposal)
    return proposal.state


def _opened(lessons: Lessons, incident_id: str, kind: ProposalKind, author: Author) -> Proposal:
    plan = author(lessons, material_of(lessons, incident_id))
    if isinstance(plan, str):
        return _nothing(lessons, incident_id, kind, plan, "")
    if (reason := _raised_before(lessons, plan.key)) is not None:
        return _nothing(lessons, incident_id, kind, reason, plan.key)
    draft = plan.write()
    if isinstance(draft, str):
        return _nothing(lessons, incident_id, kind, draft, plan.key)
    return Proposal(
        id=lessons.ids.new("pr"),
        incident_id=incident_id,
        kind=kind,
        state=ProposalState.PROPOSED,
        title=fit(draft.title),
        body=fit(draft.body, PAGE),
        content_key=plan.key,
        opened_at=lessons.clock.now(),
        repository=draft.branch.repository,
        branch=draft.branch.name,
        base=draft.branch.base,
        head=draft.branch.head,
        proof=draft.proof,
    )


def _raised_before(lessons: Lessons, key: str) -> str | None:
    """One cause, one proposal; a person's no stands until the content changes."""
    for earlier in lessons.proposals.with_content(key):
        if earlier.state is ProposalState.REJECTED:
            return f"{earlier.decided_by} rejected the same proposal ({earlier.id}): {earlier.reason}"
        if earlier.state is not ProposalState.NOTHING:
            return f"the same is already {earlier.state} as {earlier.id}, from incident {earlier.incident_id}"
    return None


def _nothing(lessons: Lessons, incident_id: str, kind: ProposalKind, reason: str, key: str) -> Proposal:
    return Proposal(
        id=lessons.ids.new("pr"),
        incident_id=incident_id,
        kind=kind,
        state=ProposalState.NOTHING,
        title=f"{kind}: nothing",
        body="",
        content_key=key,
        opened_at=lessons.clock.now(),
        reason=fit(reason),
    )


def body_of(
    *,
    why: str,
    what: str,
    proof: Proof,
    material: Material,
    author: str = "Written by Autoheal without a model.",
) -> str:
    """The pull-request text: why, what, the proof with each check, and where it comes from."""
    checks = "\n".join(f"| {name} | {outcome} |" for name, outcome in proof.checks.items())
    cause = material.cause
    cited = ", ".join(dict.fromkeys(i for c in (cause.claims_for if cause else ()) for i in c.evidence_ids))
    return (
        f"## Why\n\n{why}\n\n## What\n\n{what}\n\n## Proof\n\n{proof.summary}\n\n"
        f"| check | outcome |\n| --- | --- |\n{checks}\n\n## Where it comes from\n\n"
        f"Incident `{material.incident.id}`; evidence {cited or 'none'}. {author} "
        "A person decides: Autoheal cannot merge.\n"
    )
