"""The `autoheal` command: finds the named command, and turns every failure into one line and a code."""

from __future__ import annotations

import importlib
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from autoheal.domain.errors import AutohealError, WorldError
from autoheal.surfaces.cli.options import Options

_EXIT_CODES = (
    "Exit codes: 0 done; 1 failed or unhealthy; 2 wrong use; 3 settings wrong; 4 a dependency does not "
    "answer; 5 refused by policy; 8 no such thing; 70 a fault of Autoheal; 130 interrupted; 141 reader gone."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One command: its file in this folder is imported only when its name is used."""

    name: str
    panel: str
    help: str


DOORS = (
    Door(name="demo", panel="Begin", help="Break a small real production, heal it, learn, heal it cheaper."),
    Door(
        name="sandbox", panel="Begin", help="A small real production on this machine, to break and to heal."
    ),
    Door(name="init", panel="Begin", help="Write a settings file and a policy file to start from."),
    Door(name="doctor", panel="Begin", help="Check everything Autoheal needs, with the mend for each."),
    Door(name="config", panel="Begin", help="Show where each setting comes from, or validate the file."),
    Door(name="serve", panel="Begin", help="Run: receive alerts, heal, learn, serve the web page and API."),
    Door(name="incident", panel="Heal", help="What broke, what was found, what was done."),
    Door(name="evidence", panel="Heal", help="One stored query and exactly what came back."),
    Door(name="action", panel="Heal", help="What waits for a person, and that person's yes or no."),
    Door(name="question", panel="Heal", help="What only a person knows, and that person's answer."),
    Door(name="tool", panel="Heal", help="Tools of MCP servers, and what a person says they may do."),
    Door(name="people", panel="Heal", help="Who may come in, and what each of them may do."),
    Door(name="kill", panel="Heal", help="The switch that stops every action at once."),
    Door(name="proposal", panel="Learn", help="The lessons of incidents: list, show, merge, reject."),
    Door(name="skill", panel="Learn", help="The reviewed skills and the trust they have earned."),
    Door(name="graph", panel="Learn", help="What is known of production, since when and from where."),
    Door(name="decision", panel="Prove", help="Why things were decided as they were."),
    Door(name="audit", panel="Prove", help="Whether the chain of decisions is as it was written."),
    Door(name="report", panel="Prove", help="Cost per n-th incident, times, prevention, level."),
    Door(name="replay", panel="Prove", help="Investigate recorded cases again, without network or truth."),
    Door(name="bench", panel="Prove", help="Measure the product on labelled data."),
    Door(name="criteria", panel="Prove", help="Which acceptance numbers a test claims to prove."),
)
"""Every command, in the order of the help page."""


def build(names: Sequence[str]) -> typer.Typer:
    """The command tree in which the named commands are whole and the others only listed."""
    root = typer.Typer(
        name="autoheal",
        help="An always-on first responder that makes every production incident cheaper than the last.",
        epilog=_EXIT_CODES,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
    root.callback()(_root)
    for door in DOORS:
        if door.name in names:
            _open(root, door)
        else:
            root.command(door.name, help=door.help, rich_help_panel=door.panel)(_listed)
    return root


def _open(root: typer.Typer, door: Door) -> None:
    module = importlib.import_module(f"autoheal.surfaces.cli.{door.name}")
    if isinstance(command := module.command, typer.Typer):
        root.add_typer(command, name=door.name, help=door.help, rich_help_panel=door.panel)
    else:
        root.command(door.name, rich_help_panel=door.panel)(command)


def _listed() -> None:
    """Stand in the help page; never called, since a named command is loaded."""


def _version(wanted: bool) -> None:  # noqa: FBT001  typer hands an option's value by position
    if wanted:
        sys.stdout.write(
            f"autoheal {version('autoheal')} (Python {platform.python_version()}, {sys.platform})\n"
        )
        raise typer.Exit


def _root(
    ctx: typer.Context,
    config: Annotated[
        Path | None, typer.Option(help="Settings file; else $AUTOHEAL_CONFIG, else ./autoheal.toml.")
    ] = None,
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a failure.")] = False,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    ctx.obj = Options(config=config, debug=debug)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns its exit code."""
    completing = "_AUTOHEAL_COMPLETE" in os.environ
    try:
        root = build([door.name for door in DOORS] if completing else arguments)
        root(args=list(arguments), prog_name="autoheal")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except AutohealError as error:
        return _fail(str(error), error.exit_code, arguments)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _fail(f"{place}{error.strerror or error}", WorldError.exit_code, arguments)
    except Exception as error:  # noqa: BLE001  the last edge: a user sees a line and never a traceback
        return _fail(f"a fault of Autoheal: {type(error).__name__}: {error}", 70, arguments)
    return 0


def _fail(message: str, code: int, arguments: Sequence[str]) -> int:
    if "--debug" in arguments:
        sys.excepthook(*sys.exc_info())
    sys.stderr.write(f"autoheal: {' '.join(message.split())}\n")
    return code


def main() -> None:
    """The entry point."""
    sys.exit(run(sys.argv[1:]))
