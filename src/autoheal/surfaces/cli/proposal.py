"""`autoheal proposal`: the lessons of incidents, with their proofs, to merge or to turn down."""

from __future__ import annotations

from typing import Annotated

import typer

from autoheal.domain.proposal import Proposal
from autoheal.surfaces.cli.opening import opened
from autoheal.surfaces.cli.options import Actor, AsJson, person
from autoheal.surfaces.cli.output import note, printable, show_json, show_table
from autoheal.surfaces.cli.output import show as show_text

command = typer.Typer(no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="PROPOSAL", help="An id, as `proposal list` shows it.")]


@command.command("list")
def list_proposals(
    ctx: typer.Context,
    *,
    incident: Annotated[str, typer.Option(help="Only the lessons of one incident.")] = "",
    as_json: AsJson = False,
) -> None:
    """List lessons, newest first; `nothing` means that there was nothing to learn, with the reason."""
    with opened(ctx) as app:
        found = [p for p in app.proposals() if not incident or p.incident_id == incident]
    if as_json:
        show_json("proposal_list", proposals=found)
        return
    rows = [(p.id, p.incident_id, p.kind, p.state, p.decided_by, p.reason or p.title) for p in found]
    columns = ("id", "incident", "kind", "state", "decided by", "title or reason")
    show_table(columns, rows, empty="no lesson yet; they appear when an incident closes")


@command.command("show")
def show(ctx: typer.Context, proposal: Id, *, as_json: AsJson = False) -> None:
    """Show the text, the proof and the diff of one lesson."""
    with opened(ctx) as app:
        found, diff = app.proposal(proposal), app.proposal_diff(proposal)
    if as_json:
        show_json("proposal", proposal=found, diff=diff)
        return
    show_text(printable(_page(found, diff)))


@command.command("merge")
def merge(ctx: typer.Context, proposal: Id, *, actor: Actor = "", as_json: AsJson = False) -> None:
    """Merge a lesson as a person: the repository changes for real."""
    with opened(ctx) as app:
        merged = app.merge(proposal, actor=person(actor))
    _report(merged, as_json=as_json)


@command.command("reject")
def reject(
    ctx: typer.Context,
    proposal: Id,
    *,
    reason: Annotated[str, typer.Option(help="Why; the same proposal is not raised again unchanged.")],
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Turn a lesson down and keep the reason."""
    with opened(ctx) as app:
        rejected = app.reject(proposal, actor=person(actor), reason=reason)
    _report(rejected, as_json=as_json)


def _report(proposal: Proposal, *, as_json: bool) -> None:
    if as_json:
        show_json("proposal", proposal=proposal)
        return
    note(f"{proposal.id}: {proposal.state} by {proposal.decided_by}")


def _page(proposal: Proposal, diff: str) -> str:
    head = f"{proposal.id}  {proposal.kind} of {proposal.incident_id}: {proposal.state}\n{proposal.title}"
    where = f"{proposal.repository}: {proposal.branch} ({proposal.base[:10]}..{proposal.head[:10]})"
    proof = ""
    if proposal.proof is not None:
        checks = "\n".join(f"  {name}: {outcome}" for name, outcome in proposal.proof.checks.items())
        proof = f"Proof: {proposal.proof.summary}\n{checks}"
    parts = (head, where if proposal.branch else "", proposal.reason, proposal.body, proof, diff)
    return "\n\n".join(part for part in parts if part)
