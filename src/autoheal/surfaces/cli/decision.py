"""`autoheal decision`: why things were decided as they were."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from autoheal.domain.errors import NotFoundError
from autoheal.surfaces.cli.opening import opened
from autoheal.surfaces.cli.options import AsJson
from autoheal.surfaces.cli.output import printable, show_json, show_table
from autoheal.surfaces.cli.output import show as show_text

command = typer.Typer(no_args_is_help=True)


@command.command("list")
def list_decisions(
    ctx: typer.Context,
    *,
    incident: Annotated[str, typer.Option(help="Only the records of one incident.")] = "",
    as_json: AsJson = False,
) -> None:
    """List the records of the audit chain in sequence."""
    with opened(ctx) as app:
        records = app.traces(incident or None)
    if as_json:
        show_json("decision_list", records=records)
        return
    rows = [(r.sequence, r.id, r.recorded_at, r.kind, r.actor, r.incident_id) for r in records]
    show_table(("#", "id", "recorded", "kind", "who", "incident"), rows, empty="nothing was decided yet")


@command.command("show")
def show(
    ctx: typer.Context,
    record: Annotated[str, typer.Argument(metavar="DECISION", help="A record's id or its number.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Print one record: what was looked at, considered, decided, and how sure it was."""
    with opened(ctx) as app:
        found = [r for r in app.traces(None) if record in (r.id, str(r.sequence))]
    if not found:
        raise NotFoundError(f"no decision {record}; `autoheal decision list` names them")
    if as_json:
        show_json("decision", record=found[0])
        return
    trace = found[0]
    state = "deleted" if trace.deleted else "intact" if trace.intact() else "CHANGED"
    show_text(printable(f"#{trace.sequence} {trace.id} {trace.kind} by {trace.actor}, {state}"))
    show_text(printable(json.dumps(json.loads(trace.body), indent=2, ensure_ascii=False)))
