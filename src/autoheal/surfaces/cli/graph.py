"""`autoheal graph`: what is known of production, since when and from where."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from autoheal.domain.catalog import Around, Asked, Link, TakenIn
from autoheal.domain.errors import UserError
from autoheal.domain.fact import NodeKind, Provenance
from autoheal.surfaces.cli import graph_mend
from autoheal.surfaces.cli.opening import opened
from autoheal.surfaces.cli.options import AsJson
from autoheal.surfaces.cli.output import note, show_json, show_table
from autoheal.surfaces.cli.output import show as show_text

command = typer.Typer(no_args_is_help=True)
for _mend in (
    graph_mend.merge,
    graph_mend.unmerge,
    graph_mend.merges,
    graph_mend.retract,
    graph_mend.restore,
):
    command.command()(_mend)

AsOf = Annotated[str, typer.Option(help="As known at this time, RFC 3339.")]
TrueAt = Annotated[str, typer.Option(help="As it was in the world at this time, RFC 3339.")]
Thing = Annotated[str, typer.Argument(help="A urn (ah:...), a name, or a name that a source gives it.")]


@command.command("list")
def list_entries(
    ctx: typer.Context,
    *,
    kind: Annotated[NodeKind | None, typer.Option(help="Only one kind of thing.")] = None,
    search: Annotated[str, typer.Option(help="Only what has all these words in its name or title.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most this many.")] = 200,
    retired: Annotated[bool, typer.Option("--retired", help="Also what is no longer live.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the catalog: each thing with its layer, who tells of it and when one last did."""
    with opened(ctx) as app:
        asked = Asked(kind=kind, words=search, retired=retired, limit=limit)
        found = app.knowledge.entries(asked)
    if as_json:
        show_json("graph_list", entries=found.entries, total=found.total)
        return
    rows = [
        (e.kind, e.title, e.layer, " ".join(e.sources[:3]), e.seen_at, "retired" if e.retired_at else "")
        for e in found.entries
    ]
    columns = ("kind", "name", "layer", "source", "last seen", "")
    show_table(columns, rows, empty=_nothing(asked))
    if found.total > found.end:
        note(f"{found.end} of {found.total}; --limit shows more, --search and --kind fewer")


def _nothing(asked: Asked) -> str:
    if asked.words or asked.kind:
        return "nothing that is known fits; `autoheal graph list` without options lists all"
    return "nothing is known yet; `autoheal graph sync` asks what is connected"


@command.command("show")
def show(
    ctx: typer.Context, thing: Thing, *, as_of: AsOf = "", true_at: TrueAt = "", as_json: AsJson = False
) -> None:
    """Show what is believed of one thing, or one fact by the id that a trace cites."""
    if thing.startswith("fact"):
        _show_fact(ctx, thing, as_json=as_json)
        return
    _neighbors(ctx, thing, _where(1, as_of, true_at), as_json=as_json)


@command.command("neighbors")
def neighbors(
    ctx: typer.Context,
    thing: Thing,
    *,
    hops: Annotated[int, typer.Option(min=1, max=4, help="How far to look.")] = 2,
    as_of: AsOf = "",
    true_at: TrueAt = "",
    as_json: AsJson = False,
) -> None:
    """Show what stands around a thing, in either direction."""
    _neighbors(ctx, thing, _where(hops, as_of, true_at), as_json=as_json)


def _neighbors(ctx: typer.Context, thing: str, around: Around, *, as_json: bool) -> None:
    with opened(ctx) as app:
        found = app.knowledge.around(thing, around)
    if as_json:
        show_json("graph_view", view=found)
        return
    show_table(_COLUMNS, _rows(found.links), empty=f"nothing is believed of {thing}")
    more = f"; {found.left_out} more did not fit" if found.left_out else ""
    disputed = f", {len(found.conflicts)} in dispute" if found.conflicts else ""
    cut = f"; cut: {found.cut_says}" if found.cut else ""
    note(f"{len(found.entries)} things, {len(found.links)} relations{disputed}{more}{cut}")


_COLUMNS = ("subject", "relation", "object", "believed", "how", "source", "since", "until")


def _rows(links: Sequence[Link]) -> list[tuple[object, ...]]:
    return [
        (
            f.subject,
            f.relation,
            f.object,
            f"{f.confidence:.2f}",
            " ".join(f.methods),
            " ".join(f.sources),
            f.since,
            f.until,
        )
        for f in links
    ]


def _show_fact(ctx: typer.Context, fact_id: str, *, as_json: bool) -> None:
    with opened(ctx) as app:
        fact = app.knowledge.fact(fact_id)
    if as_json:
        show_json("fact", fact=fact)
        return
    rows = [
        ("fact", fact.id),
        ("says", fact.statement),
        ("believed", f"{fact.recorded_at.isoformat()} to {fact.retracted_at or 'now'}"),
        ("true", f"{fact.valid_from or 'unknown'} to {fact.valid_to or 'now'}"),
        *([("in the place of", fact.supersedes)] if fact.supersedes else []),
        *(
            ("said by", f"{s.actor}, {s.source}, {s.method}, {s.asserted_at.isoformat()}{_read_from(s)}")
            for s in fact.provenance
        ),
    ]
    show_table(("", ""), rows, empty="")


def _read_from(said: Provenance) -> str:
    """Which input, and what read it."""
    by = f", read by {said.extractor}" if said.extractor else ""
    return f"{by} from {said.reference}" if said.reference else by


@command.command("conflicts")
def conflicts(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """List where sources disagree, each word with who says it."""
    with opened(ctx) as app:
        found = app.knowledge.conflicts()
    if as_json:
        show_json("graph_conflicts", conflicts=found)
        return
    rows = [
        (c.subject, c.relation, f.object, " ".join(p.source for p in f.provenance), f.recorded_at)
        for c in found
        for f in c.facts
    ]
    show_table(("subject", "relation", "object", "source", "since"), rows, empty="no source disagrees")


@command.command("sync")
def sync(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Ask everything that is connected, and the context repository, what production is."""
    with opened(ctx) as app:
        taken = app.knowledge.fill()
        problems = app.knowledge.index.problems()
    if as_json:
        show_json("graph_sync", sources=taken, problems=problems)
    else:
        show_table(
            ("source", "things", "new facts", "replaced", "ended", "problem"),
            [(t.source, t.nodes, t.facts, t.replaced, t.ended, t.problem) for t in taken],
            empty="nothing is connected; name sources in autoheal.toml",
        )
    if any(one.problem for one in taken):
        raise UserError(_problems(taken))


def _problems(taken: Sequence[TakenIn]) -> str:
    wrong = [one for one in taken if one.problem]
    return "; ".join(one.problem for one in wrong) + ". What these said before stays; the rest was taken in"


@command.command("export")
def export(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="Where to write; default: standard output.")] = None,
) -> None:
    """Write everything that was ever believed as JSON lines."""
    with opened(ctx) as app:
        lines = app.knowledge.export()
        if file is None:
            for line in lines:
                show_text(line)
            return
        with file.open("w", encoding="utf-8") as out:
            count = sum(out.write(f"{line}\n") > 0 for line in lines)
    note(f"{file}: {count - 1} records")


@command.command("import")
def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file that `graph export` wrote; - for standard input.")],
) -> None:
    """Take in an export, all of it or none; what is there already stays as it is."""
    if str(file) != "-" and not file.is_file():
        raise UserError(f"{file}: no such file")
    with opened(ctx) as app:
        if str(file) == "-":
            count = app.knowledge.take(sys.stdin, file="standard input")
        else:
            with file.open(encoding="utf-8") as text:
                count = app.knowledge.take(text, file=str(file))
    note(f"{count} records read")


@command.command("query")
def query(
    ctx: typer.Context,
    words: Annotated[list[str], typer.Argument(help="Words of the fact, or one node's urn (ah:...).")],
    *,
    as_of: AsOf = "",
    limit: Annotated[int, typer.Option(min=1, help="At most this many facts.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Print the facts that fit the words, or all facts about one node."""
    known_at = _moment(as_of)
    text = " ".join(words)
    with opened(ctx) as app:
        graph = app.graph()
        if text.startswith("ah:"):
            about = [
                *graph.facts(subject=text, known_at=known_at),
                *graph.facts(object=text, known_at=known_at),
            ]
        else:
            about = [*graph.search(text, limit=limit, known_at=known_at)]
    found = about[:limit]
    if as_json:
        show_json("facts", facts=found)
        return
    rows = [
        (f.subject, f.relation, f.object, f.valid_from, f.valid_to, " ".join(p.source for p in f.provenance))
        for f in found
    ]
    columns = ("subject", "relation", "object", "since", "until", "source")
    show_table(columns, rows, empty="nothing is known about that")


@command.command("stats")
def stats(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Count nodes, facts, and (what matters) the nodes that were used to a verified end."""
    with opened(ctx) as app:
        graph = app.graph()
        nodes = Counter(str(node.kind) for node in graph.nodes())
        facts = Counter(str(fact.relation) for fact in graph.facts())
        uses = graph.uses()
    used = {urn for urn, _, useful in uses if useful}
    if as_json:
        show_json("graph_stats", nodes=dict(nodes), facts=dict(facts), uses=len(uses), useful_nodes=len(used))
        return
    rows = [
        *(("nodes", kind, count) for kind, count in sorted(nodes.items())),
        *(("facts", relation, count) for relation, count in sorted(facts.items())),
        ("uses", "all", len(uses)),
        ("uses", "nodes used to a verified end", len(used)),
    ]
    show_table(("what", "kind", "count"), rows, empty="")


def _where(hops: int, as_of: str, true_at: str) -> Around:
    known = _moment(as_of)
    return Around(hops=hops, known_at=known, true_at=_moment(true_at, option="--true-at") or known)


def _moment(text: str, *, option: str = "--as-of") -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f"{option} {text}: not a time such as 2026-11-23T10:00:00Z") from None
    if moment.tzinfo is None:
        raise UserError(f"{option} {text}: give the time zone, for example {text}Z")
    return moment
