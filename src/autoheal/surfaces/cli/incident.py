"""`autoheal incident`: what broke, what was found, what was done."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoheal.domain.errors import UserError
from autoheal.domain.investigation import Mechanism
from autoheal.domain.judgment import Truth, Word
from autoheal.domain.person import Right
from autoheal.surfaces.cli.incident_page import page
from autoheal.surfaces.cli.opening import opened
from autoheal.surfaces.cli.options import Actor, AsJson, person
from autoheal.surfaces.cli.output import note, printable, show_json, show_table
from autoheal.surfaces.cli.output import show as show_text

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


@command.command("postmortem")
def postmortem(
    ctx: typer.Context,
    incident: Id,
    *,
    publish: Annotated[bool, typer.Option("--publish", help="Publish it: from then on it is found.")] = False,
    text: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Publish this edited draft instead.")
    ] = None,
    actor: Actor = "",
) -> None:
    """Print the draft of a closed incident's postmortem, or publish it under a person's name."""
    with opened(ctx) as app:
        if not publish:
            show_text(app.knowledge.postmortem(incident))
            return
        edited = text.read_text(encoding="utf-8") if text else None
        who = app.acting(person(actor), Right.PUBLISH)
        note(f"published as {app.knowledge.publish(incident, actor=who, text=edited)}")


@command.command("judge")
def judge(  # noqa: PLR0913  each is an option of the command
    ctx: typer.Context,
    incident: Id,
    *,
    right: Annotated[bool, typer.Option("--right", help="The verdict was right.")] = False,
    no_fault: Annotated[bool, typer.Option("--no-fault", help="It was wrong: there was no fault.")] = False,
    cause: Annotated[str, typer.Option(help="It was wrong: the service that was at fault.")] = "",
    mechanism: Annotated[Mechanism | None, typer.Option(help="How that service failed.")] = None,
    change: Annotated[str, typer.Option(help="Id of the change that brought it.")] = "",
    words: Annotated[str, typer.Option("--note", help="What else is to be remembered.")] = "",
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Judge a verdict: a wrong one is traced to its first wrong step and enters the regression set."""
    if [right, no_fault, bool(cause)].count(True) != 1:
        raise UserError("say one of --right, --no-fault and --cause SERVICE")
    if (mechanism or change) and not cause:
        raise UserError("--mechanism and --change say more of a --cause SERVICE")
    truth = None if right else Truth(entity=cause or None, mechanism=mechanism, change_id=change or None)
    with opened(ctx) as app:
        judgment, entered = app.judge(incident, Word(actor=person(actor), truth=truth, note=words))
    if as_json:
        show_json("judgment", judgment=judgment, regression=entered)
        return
    entry = f"regression set: {entered}" if truth else ""
    show_text("\n".join(filter(None, (judgment.says, entry))))


@command.command("delete")
def delete(
    ctx: typer.Context,
    incident: Id,
    *,
    reason: Annotated[str, typer.Option(help="Why; this is kept for good.")],
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Delete what was investigated: evidence, hypotheses, timeline, recording; a tombstone stays."""
    with opened(ctx) as app:
        left = app.delete(incident, actor=person(actor), reason=reason)
    if as_json:
        show_json("tombstone", tombstone=left)
        return
    note(f"deleted; the tombstone names {left.actor}, {left.at.isoformat()} and the reason")


@command.command("impact")
def impact(ctx: typer.Context, incident: Id, *, as_json: AsJson = False) -> None:
    """Measure who is affected at this moment: hurt, perhaps hurt, not known; with owners and evidence."""
    with opened(ctx) as app:
        found = app.impact(incident)
    if as_json:
        show_json("impact", impact=found, says=found.says)
        return
    show_text(printable(found.says))
    rows = [
        (one.service, one.touch, one.why, "entry" if one.entry else "", ", ".join(one.owners))
        for one in found.services
    ]
    show_table(("service", "state", "why", "", "owner"), rows, empty="no service is known")
