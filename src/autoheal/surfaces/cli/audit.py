"""`autoheal audit`: whether the chain of decisions is as it was written."""

from __future__ import annotations

import typer

from autoheal.surfaces.cli.opening import opened
from autoheal.surfaces.cli.options import AsJson
from autoheal.surfaces.cli.output import note, show_json

command = typer.Typer(no_args_is_help=True)


@command.callback()
def audit() -> None:
    """Check the append-only hash chain."""


@command.command("verify")
def verify(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Recompute every hash; exit 1 and name the record when one was changed, removed or reordered."""
    with opened(ctx) as app:
        broken = app.audit_verify()
    if as_json:
        show_json("audit", intact=broken is None, broken=broken)
    else:
        note("the chain is intact" if broken is None else f"the chain is broken: {broken}")
    if broken is not None:
        raise typer.Exit(1)
