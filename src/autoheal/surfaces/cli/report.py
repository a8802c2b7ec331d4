"""`autoheal report`: what incidents cost, how fast they are healed and prevented, and the level."""

from __future__ import annotations

from typing import Annotated

import typer

from autoheal.reports.calibration import Calibration
from autoheal.reports.economics import FamilyCost
from autoheal.reports.figures import Report
from autoheal.reports.level import FamilyLevel
from autoheal.reports.metrics import Figure
from autoheal.surfaces.cli.opening import opened
from autoheal.surfaces.cli.options import AsJson
from autoheal.surfaces.cli.output import show as show_text
from autoheal.surfaces.cli.output import show_json, show_table


def command(
    ctx: typer.Context,
    *,
    events: Annotated[bool, typer.Option("--events", help="Name the events behind each figure.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print cost per n-th incident, figures with their honest partners, and the level by measured rules."""
    with opened(ctx) as app:
        report = app.report()
    if as_json:
        show_json("report", report=report)
        return
    _print(report, events=events)


def _print(report: Report, *, events: bool) -> None:
    show_text(f"{report.incidents} incidents since {report.since.date()}; level {report.level.level.name}\n")
    show_table(("figure", "value", "median", "n", "means"), map(_figure, report.figures), empty="")
    if events:
        rows = [(f.name, " ".join(f.events)) for f in report.figures if f.events]
        show_text("")
        show_table(("figure", "derived from"), rows, empty="no figure has an event yet")
    show_text("")
    spent = ("family", "n", "incident", "skill", "queries", "tokens", "$", "seconds", "person", "outcome")
    show_table(
        spent, [row for f in report.families for row in _costs(f)], empty="no incident has cost anything"
    )
    show_text("")
    curves = ("family", "incidents", "b of queries", "b of tokens", "tokens first", "tokens last", "right")
    show_table(curves, map(_curve, report.families), empty="")
    show_text("")
    rules = [row for f in report.level.families for row in _rules(f)]
    columns = ("family", "level", "rule", "measured", "needed", "holds")
    show_table(columns, rules, empty="no family is known yet")
    _calibration(report.calibration)


def _calibration(found: Calibration) -> None:
    show_text("")
    if found.error is not None:
        between = f"{found.low:.3f} to {found.high:.3f}"
        show_text(f"calibration error of stated confidence: {found.error:.3f} ({between}), n {found.count}")
    rows = [(f"{b.low:.1f} to {b.high:.1f}", b.count, b.stated, b.right) for b in found.bins]
    show_table(("confidence", "n", "stated", "right"), rows, empty="no investigation was judged yet")


def _figure(figure: Figure) -> tuple[object, ...]:
    value = "not measured" if figure.value is None else f"{figure.value:.4g} {figure.unit}"
    return figure.name, value, figure.median, len(figure.events), figure.meaning


def _curve(cost: FamilyCost) -> tuple[object, ...]:
    """How the n-th incident's cost falls: cost_n = c1 n^-b."""
    return (
        cost.family,
        len(cost.incidents),
        cost.queries_exponent,
        cost.tokens_exponent,
        cost.tokens_first,
        cost.tokens_last,
        cost.accuracy,
    )


def _costs(cost: FamilyCost) -> list[tuple[object, ...]]:
    return [
        (
            cost.family,
            nth.n,
            nth.incident_id,
            nth.skill,
            nth.bill.all_queries,
            nth.bill.all_tokens,
            nth.bill.dollars,
            nth.bill.wall_seconds,
            "yes" if nth.human else "no",
            nth.outcome,
        )
        for nth in cost.incidents
    ]


def _rules(found: FamilyLevel) -> list[tuple[object, ...]]:
    return [
        (
            found.family,
            found.level.name,
            f"{r.level.name} {r.name}",
            r.value,
            r.needed,
            "yes" if r.holds else "no",
        )
        for r in found.rules
    ]
