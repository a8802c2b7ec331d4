"""`autoheal incident`: what broke, what was found, what was done."""

from __future__ import annotations

from typing import Annotated

import typer

from autoheal.surfaces.cli.incident_page import page
from autoheal.surfaces.cli.opening import opened
from autoheal.surfaces.cli.options import AsJson
from autoheal.surfaces.cli.output import show as show_text
from autoheal.surfaces.cli.output import show_json, show_table

command = typer.Typer(no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="INCIDENT", help="An incident's id, as `incident list` shows it.")]


@command.command("list")
def list_incidents(
    ctx: typer.Context,
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 50,
    only_open: Annotated[bool, typer.Option("--open", help="Only those that are not settled.")] = False,
    as_json: AsJson = False,
) -> None:
    """List incidents, newest first."""
    with opened(ctx) as app:
        found = [i for i in app.incidents(limit=limit) if not (only_open and i.settled)]
    if as_json:
        show_json("incident_list", incidents=found)
        return
    rows = [(i.id, i.opened_at, i.state, i.severity, i.service, i.outcome, i.skill, i.title) for i in found]
    columns = ("id", "opened", "state", "severity", "service", "outcome", "skill", "title")
    show_table(columns, rows, empty="no incident yet; alerts are received by `autoheal serve`")


@command.command("show")
def show(ctx: typer.Context, incident: Id, *, as_json: AsJson = False) -> None:
    """Show one incident: times, hypotheses, actions with their checks, lessons, cost."""
    with opened(ctx) as app:
        file = app.incident(incident)
    if as_json:
        show_json("incident", file=file)
        return
    show_text(page(file))


@command.command("timeline")
def timeline(ctx: typer.Context, incident: Id, *, as_json: AsJson = False) -> None:
    """Print what happened in order, with the evidence for each line."""
    with opened(ctx) as app:
        entries = app.incident(incident).timeline
    if as_json:
        show_json("timeline", incident=incident, entries=entries)
        return
    rows = [(e.at, e.kind, e.actor, e.text, " ".join(e.evidence)) for e in entries]
    show_table(("at", "kind", "who", "what", "evidence"), rows, empty="nothing happened yet")
