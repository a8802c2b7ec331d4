"""`autoheal doctor`: is everything there that healing needs, and if not, what mends it?"""

from __future__ import annotations

import typer
from rich.console import Console
from rich.markup import escape

from autoheal.domain.errors import ConfigError, WorldError
from autoheal.reports.checks import Check, Status, healthy
from autoheal.surfaces.cli.opening import opened
from autoheal.surfaces.cli.options import AsJson
from autoheal.surfaces.cli.output import printable, show_json

_COLORS = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "red", Status.SKIP: "dim"}


def command(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Check settings, storage, telemetry, changes, actuator, clock, disk, programs; exit 1 on a failure."""
    checks = _checks(ctx)
    good = healthy(checks)
    if as_json:
        show_json("doctor", healthy=good, checks=checks)
    else:
        _print(checks)
    if not good:
        raise typer.Exit(1)


def _checks(ctx: typer.Context) -> list[Check]:
    """All checks; where the product cannot even be opened, that is the one failed check."""
    try:
        with opened(ctx) as app:
            return [*app.checks()]
    except ConfigError as error:
        mend = "mend the settings at the named place; `autoheal config validate` checks them"
        return [Check(name="settings", group="config", status=Status.FAIL, text=str(error), mend=mend)]
    except WorldError as error:
        mend = "start it, or name another in the settings"
        return [Check(name="opening", group="storage", status=Status.FAIL, text=str(error), mend=mend)]


def _print(checks: list[Check]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for number, check in enumerate(checks, start=1):
        color = _COLORS[check.status]
        text = escape(printable(f"{check.name}: {check.text} ({check.seconds * 1000:.0f} ms)"))
        console.print(f"{number:>2} [{color}]{check.status:<4}[/] {check.group:<10} {text}")
        if check.mend:
            console.print(f"        mend: {escape(check.mend)}")
