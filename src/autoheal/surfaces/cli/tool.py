"""`autoheal tool`: what the tools of MCP servers may be used for, which only a person can say."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from autoheal.app import App
from autoheal.domain.errors import ConflictError, UserError, WorldError
from autoheal.domain.person import Right
from autoheal.domain.tool import Classification, ToolFile, ToolTier
from autoheal.surfaces.cli.opening import opened
from autoheal.surfaces.cli.options import Actor, AsJson, person
from autoheal.surfaces.cli.output import cell, note, printable, show, show_json, show_table

command = typer.Typer(no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="TOOL", help="SERVER.TOOL, as `tool list` shows it.")]
Note = Annotated[str, typer.Option("--note", help="Why; kept in the audit chain.")]
_UNTRUSTED = "what the server says of itself; it proves nothing"


@command.command("list")
def list_tools(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Ask every server what it offers now, and show what each tool may be used for."""
    with opened(ctx) as app:
        survey = app.belt.survey()
    if as_json:
        show_json("tool_list", tools=survey.tools, silent=survey.silent)
    else:
        columns = ("tool", "standing", "by", "at", "digest", "hints (untrusted)")
        show_table(columns, (_row(file) for file in survey.tools), empty="no server offers a tool")
    if survey.silent:
        raise WorldError("; ".join(survey.silent.values()))


@command.command("show")
def show_tool(ctx: typer.Context, tool: Id, *, as_json: AsJson = False) -> None:
    """Show all that a server says about a tool, and what changed since a person classified it."""
    with opened(ctx) as app:
        file = app.belt.file(tool)
    if as_json:
        show_json("tool", tool=file)
        return
    for line in _page(file):
        show(printable(line))


@command.command("classify")
def classify(  # noqa: PLR0913  a command has as many options as its users need
    ctx: typer.Context,
    tool: Id,
    *,
    tier: Annotated[ToolTier, typer.Option(help="What it may be used for; a model is only given `read`.")],
    digest: Annotated[str, typer.Option(help="The digest of the tool as you saw it.")] = "",
    actor: Actor = "",
    why: Note = "",
    as_json: AsJson = False,
) -> None:
    """Say what exactly this tool may be used for; it is shown, and asked about unless --digest is given."""
    with opened(ctx) as app:
        name = app.acting(person(actor), Right.CLASSIFY_TOOL)
        said = app.belt.classify(tool, tier=tier, digest=digest or _asked(app, tool), actor=name, note=why)
    _told(said, as_json=as_json)


@command.command("deny")
def deny(ctx: typer.Context, tool: Id, *, actor: Actor = "", why: Note = "", as_json: AsJson = False) -> None:
    """Deny a tool, whatever it becomes; its server need not answer."""
    with opened(ctx) as app:
        said = app.belt.deny(tool, actor=app.acting(person(actor), Right.DENY_TOOL), note=why)
    _told(said, as_json=as_json)


def _told(said: Classification, *, as_json: bool) -> None:
    if as_json:
        show_json("tool_classification", classification=said)
        return
    note(f"{said.tool_id}: {said.tier} by {said.by}")


def _asked(app: App, tool: str) -> str:
    file = app.belt.file(tool)
    if file.offered is None:
        raise ConflictError(f"{tool} is not offered any more; it can only be denied")
    for line in _page(file):
        note(line)
    if not sys.stdin.isatty():
        raise UserError("nobody can be asked here: give --digest of the tool you saw")
    typer.confirm("Classify?", abort=True, err=True)
    return file.offered.digest


def _row(file: ToolFile) -> tuple[object, ...]:
    said, offered = file.said, file.offered
    return (
        file.id,
        file.standing,
        said.by if said else None,
        said.at if said else None,
        offered.digest[:12] if offered else None,
        ", ".join(offered.hints) if offered else None,
    )


def _page(file: ToolFile) -> Iterator[str]:
    yield f"tool         {file.id}"
    yield f"standing     {file.standing}"
    if (said := file.said) is not None:
        yield f"said         {said.tier} by {said.by} at {cell(said.at)}; why: {cell(said.note)}"
    if (offered := file.offered) is None:
        return
    if offered.flaw:
        yield f"unusable     {offered.flaw}"
    yield f"runs at      {offered.origin}"
    yield f"digest       {offered.digest}"
    yield f"hints        {', '.join(offered.hints) or '-'} ({_UNTRUSTED})"
    yield f"title        {cell(offered.title)}"
    yield "description, in its maker's words:"
    yield from (f"  | {line}" for line in offered.description.splitlines())
    yield f"arguments    {offered.schema or '-'}"
    if file.changes:
        yield "changed since it was classified:"
        yield from (f"  {line}" for line in file.changes)
