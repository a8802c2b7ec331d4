"""`autoheal evidence`: one stored query and exactly what came back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from autoheal.surfaces.cli.opening import opened
from autoheal.surfaces.cli.options import AsJson
from autoheal.surfaces.cli.output import note, printable, show_json, show_table

command = typer.Typer(no_args_is_help=True)


@command.callback()
def evidence() -> None:
    """Look behind a claim."""


@command.command("show")
def show(
    ctx: typer.Context,
    evidence: Annotated[str, typer.Argument(help="An evidence id, as claims and timelines cite it.")],
    *,
    limit: Annotated[int, typer.Option(min=1, help="At most this many rows.")] = 40,
    as_json: AsJson = False,
) -> None:
    """Print the query, its window, the kind of answer, and the stored rows."""
    with opened(ctx) as app:
        found, rows = app.evidence(evidence)
    if as_json:
        show_json("evidence", evidence=found, rows=rows)
        return
    note(f"{found.id}  {found.source}: {found.expression}")
    note(f"asked {found.asked_at.isoformat()} in {found.seconds:.3f} s")
    note(f"answer: {found.answer.kind}, {len(rows)} rows")
    shown = [
        (datetime.fromtimestamp(r.time, UTC), r.entity, r.subject, r.value, r.text) for r in rows[:limit]
    ]
    show_table(("time", "entity", "subject", "value", "text"), shown, empty=printable(str(found.answer)))
