"""What was said before the command: which settings file, and whether to show tracebacks."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of `autoheal` itself."""

    config: Path | None = None
    debug: bool = False


AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object with a `schema` field.")]
Actor = Annotated[
    str,
    typer.Option("--actor", envvar="AUTOHEAL_ACTOR", help="Who does this; by default the system user."),
]


def options(ctx: typer.Context) -> Options:
    """The options given before the command."""
    given = ctx.find_root().obj
    return given if isinstance(given, Options) else Options()


def person(actor: str) -> str:
    """The given actor, or the system user."""
    return actor or getpass.getuser()
