"""`autoheal graph`: what is known of production, since when and from where."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Annotated

import typer

from autoheal.domain.errors import UserError
from autoheal.surfaces.cli.opening import opened
from autoheal.surfaces.cli.options import AsJson
from autoheal.surfaces.cli.output import show_json, show_table

command = typer.Typer(no_args_is_help=True)


@command.command("query")
def query(
    ctx: typer.Context,
    words: Annotated[list[str], typer.Argument(help="Words of the fact, or one node's urn (ah:...).")],
    *,
    as_of: Annotated[str, typer.Option(help="As known at this time, RFC 3339.")] = "",
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
            about = [*graph.search(text, limit=limit)]
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


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f"--as-of {text}: not a time such as 2026-11-23T10:00:00Z") from None
    if moment.tzinfo is None:
        raise UserError(f"--as-of {text}: give the time zone, for example {text}Z")
    return moment
