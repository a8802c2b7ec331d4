"""`autoheal kill`: the switch that stops every action, everywhere, at once."""

from __future__ import annotations

from typing import Annotated

import typer

from autoheal.surfaces.cli.opening import opened
from autoheal.surfaces.cli.options import Actor, AsJson, person
from autoheal.surfaces.cli.output import note, show_json

command = typer.Typer(no_args_is_help=True)


@command.command("engage")
def engage(
    ctx: typer.Context,
    *,
    reason: Annotated[str, typer.Option(help="Why; shown wherever an action is held back.")],
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Stop every action: pending ones halt, new ones do not start; investigations go on."""
    with opened(ctx) as app:
        app.kill(actor=person(actor), reason=reason)
        _say(app.killed(), as_json=as_json)


@command.command("release")
def release(ctx: typer.Context, *, actor: Actor = "", as_json: AsJson = False) -> None:
    """Allow actions again; a KILL file in the home folder stays in force until it is removed."""
    with opened(ctx) as app:
        app.release(actor=person(actor))
        _say(app.killed(), as_json=as_json)


@command.command("status")
def status(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Say whether actions are stopped, and why."""
    with opened(ctx) as app:
        _say(app.killed(), as_json=as_json)


def _say(why: str | None, *, as_json: bool) -> None:
    if as_json:
        show_json("kill_switch", engaged=why is not None, reason=why)
        return
    note("actions are allowed as far as policy goes" if why is None else f"every action is stopped: {why}")
