"""`autoheal action`: what waits for a person, and that person's yes or no."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from autoheal.app import App
from autoheal.domain.approval import Decision
from autoheal.domain.errors import NotFoundError, UserError
from autoheal.domain.mitigation import Mitigation
from autoheal.surfaces.cli.opening import opened
from autoheal.surfaces.cli.options import Actor, AsJson, person
from autoheal.surfaces.cli.output import cell, note, show_json, show_table

command = typer.Typer(no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ACTION", help="An action's id, as `action list` shows it.")]
Digest = Annotated[
    str, typer.Option(help="The digest of the action as you saw it; a changed action is then refused.")
]
Note = Annotated[str, typer.Option("--note", help="Why; kept in the audit chain.")]


@command.command("list")
def list_actions(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """List the actions that wait for approval, with what they would do and undo."""
    with opened(ctx) as app:
        waiting = app.mitigations_waiting()
    if as_json:
        show_json("action_list", actions=[{"digest": m.digest, "mitigation": m} for m in waiting])
        return
    rows = [
        (m.id, m.incident_id, str(m.action), m.tier, m.rule, m.expires_at, m.digest[:12]) for m in waiting
    ]
    columns = ("id", "incident", "action", "tier", "rule", "expires", "digest")
    show_table(columns, rows, empty="nothing waits for a person")


@command.command("approve")
def approve(  # noqa: PLR0913  a command has as many options as its users need
    ctx: typer.Context,
    action: Id,
    *,
    digest: Digest = "",
    actor: Actor = "",
    why: Note = "",
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask; approve the action as it stands now.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say yes, once, to exactly this action; it is shown first and asked about unless --yes or --digest."""
    with opened(ctx) as app:
        mitigation = _waiting(app, action)
        if not (yes or digest):
            _ask(mitigation)
        _decide(app, mitigation, digest, Decision.APPROVED, (person(actor), why), as_json=as_json)


@command.command("reject")
def reject(
    ctx: typer.Context,
    action: Id,
    *,
    actor: Actor = "",
    why: Note = "",
    as_json: AsJson = False,
) -> None:
    """Say no; the next hypothesis is tried, or a person is paged."""
    with opened(ctx) as app:
        mitigation = _waiting(app, action)
        _decide(app, mitigation, "", Decision.REJECTED, (person(actor), why), as_json=as_json)


def _waiting(app: App, action: str) -> Mitigation:
    for mitigation in app.mitigations_waiting():
        if mitigation.id == action:
            return mitigation
    raise NotFoundError(f"no action {action} waits for approval; `autoheal action list` names those that do")


def _ask(mitigation: Mitigation) -> None:
    for line in _plan(mitigation):
        note(line)
    if not sys.stdin.isatty():
        raise UserError("nobody can be asked here: give --digest of the action you saw, or --yes")
    typer.confirm("Approve?", abort=True, err=True)


def _plan(mitigation: Mitigation) -> tuple[str, ...]:
    return (
        f"action    {mitigation.action}",
        f"tier      {mitigation.tier} ({mitigation.rule})",
        f"expected  {mitigation.expected_effect}",
        f"reaches   {mitigation.blast_radius}",
        f"way back  {cell(mitigation.way_back)}",
        f"check     {mitigation.check.expression}",
        f"plan      {cell(mitigation.plan)}",
        f"digest    {mitigation.digest}",
    )


def _decide(
    app: App,
    mitigation: Mitigation,
    digest: str,
    decision: Decision,
    who_why: tuple[str, str],
    *,
    as_json: bool,
) -> None:
    who, why = who_why
    approval = app.decide(
        mitigation.id,
        digest=digest or mitigation.digest,
        decision=decision,
        actor=who,
        channel="cli",
        note=why,
    )
    if as_json:
        show_json("approval", approval=approval)
        return
    note(f"{mitigation.id}: {decision} by {who}")
