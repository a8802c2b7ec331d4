"""`autoheal graph merge|unmerge|merges|retract|restore`: what people mend in the graph, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from autoheal.domain.person import Right
from autoheal.ports.curation import Merge, Said
from autoheal.surfaces.cli.opening import opened
from autoheal.surfaces.cli.options import Actor, AsJson, person
from autoheal.surfaces.cli.output import note, show_json, show_table

Named = Annotated[str, typer.Argument(help="A urn (ah:...) or a name.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept in the audit chain.")]
Extractor = Annotated[
    str, typer.Option(help="What read it, as `graph show` names it, such as service-graph.")
]
Version = Annotated[str, typer.Option(help="Only this version of it; default: all of them.")]


def merge(
    ctx: typer.Context,
    source: Named,
    target: Named,
    *,
    reason: Reason,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Say that two things are one: the first is read as the second from now on; both ids go on working."""
    with opened(ctx) as app:
        made = app.knowledge.merge(
            source, target, actor=app.acting(person(actor), Right.PUBLISH), reason=reason
        )
    _say(
        made, f"{made.source} is read as {made.target}; `graph unmerge` makes them two again", as_json=as_json
    )


def unmerge(
    ctx: typer.Context, source: Named, *, reason: Reason, actor: Actor = "", as_json: AsJson = False
) -> None:
    """Undo a merge: each has again what was told under its own name, also since the merge."""
    with opened(ctx) as app:
        undone = app.knowledge.unmerge(source, actor=app.acting(person(actor), Right.PUBLISH), reason=reason)
    _say(undone, f"{undone.source} and {undone.target} are two again", as_json=as_json)


def merges(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """List every merge, also those that were undone."""
    with opened(ctx) as app:
        found = app.knowledge.curation.merges()
    if as_json:
        show_json("graph_merges", merges=found)
        return
    rows = [(m.source, m.target, m.at, m.actor, m.reason, m.undone_at) for m in found]
    show_table(("source", "read as", "since", "by", "why", "undone"), rows, empty="nothing was merged")


def retract(  # noqa: PLR0913  each is an option of the command
    ctx: typer.Context,
    *,
    extractor: Extractor,
    version: Version = "",
    reason: Reason,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Stop believing all that a faulty extractor said; what others say too stays, and so does history."""
    with opened(ctx) as app:
        if dry_run:
            said = app.knowledge.said_by(extractor, version)
        else:
            said = app.knowledge.retract(
                extractor, version, actor=app.acting(person(actor), Right.PUBLISH), reason=reason
            )
    _count(said, "would be taken back" if dry_run else "taken back", as_json=as_json)


def restore(
    ctx: typer.Context,
    *,
    extractor: Extractor,
    version: Version = "",
    reason: Reason,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Believe again, from now on, what was taken back."""
    with opened(ctx) as app:
        said = app.knowledge.restore(
            extractor, version, actor=app.acting(person(actor), Right.PUBLISH), reason=reason
        )
    _count(said, "believed again", as_json=as_json)


def _say(merge: Merge, text: str, *, as_json: bool) -> None:
    if as_json:
        show_json("graph_merge", merge=merge)
    else:
        note(text)


def _count(said: Said, done: str, *, as_json: bool) -> None:
    if as_json:
        show_json("graph_said", said=said)
        return
    note(
        f"{said.assertions} assertions of {said.episodes} inputs {done};"
        f" {said.facts} facts stand by them alone"
    )
