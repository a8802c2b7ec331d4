"""`autoheal config`: which settings are in force, where each comes from, and whether the file is right."""

from __future__ import annotations

from typing import Annotated

import typer

from autoheal.config import load
from autoheal.surfaces.cli.options import AsJson, options
from autoheal.surfaces.cli.output import note, show_json, show_table

command = typer.Typer(no_args_is_help=True)

Changed = Annotated[bool, typer.Option("--changed", help="Leave out what is at its default.")]


@command.command("show")
def show(ctx: typer.Context, *, as_json: AsJson = False, changed: Changed = False) -> None:
    """Print every setting with its value (secrets masked) and where it came from."""
    loaded = load(options(ctx).config)
    settings = [s for s in loaded.settings() if s.origin != "default" or not changed]
    if as_json:
        show_json("config", file=loaded.file, settings=settings)
        return
    rows = [(s.name, s.value, s.origin) for s in settings]
    show_table(("setting", "value", "origin"), rows, empty="every setting is at its default")


@command.command("validate")
def validate(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Check the settings file and the environment; exit 3 and one line naming the place when wrong."""
    loaded = load(options(ctx).config)
    if as_json:
        show_json("config_validation", file=loaded.file, valid=True)
        return
    note(f"{loaded.file or 'no settings file: the defaults'}: valid")
