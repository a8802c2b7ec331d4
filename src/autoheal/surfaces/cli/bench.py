"""`autoheal bench`: measure the product on labelled data, beside what others publish."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from autoheal.ports.runs import Json
from autoheal.reasoning.settings import When
from autoheal.recording.case_folder import case_folders, load_case
from autoheal.reports import economics_benchmark
from autoheal.reports.economics_benchmark import Played
from autoheal.reports.rca_benchmark import Scored, measured, read_truth, summary
from autoheal.sandbox.attacked.bench import ALL, suffer
from autoheal.sandbox.attacked.bench import summary as attacks_suffered
from autoheal.sandbox.graph_load import Load, measure
from autoheal.sandbox.review_bench import SAMPLE, reviewed, sample
from autoheal.sandbox.review_bench import figures as figures_of
from autoheal.sandbox.simulated.economics import play
from autoheal.sandbox.simulated.reasoning import measure_reading
from autoheal.sandbox.simulated.recorded import recorded_cases
from autoheal.surfaces.cli.options import AsJson
from autoheal.surfaces.cli.output import note, show, show_table

command = typer.Typer(no_args_is_help=True)
_PROGRESS = Console(stderr=True)


@command.callback()
def _bench() -> None:
    """Measure the product on labelled data."""


@command.command()
def rca(
    *,
    cases: Annotated[Path, typer.Option(help="Folder of labelled case folders.")],
    as_json: AsJson = False,
) -> None:
    """Root-cause ranking: accuracy by system, beside n-sigma and RobustScorer on the same cases."""
    folders = case_folders(cases)
    shown = track(folders, description="cases", console=_PROGRESS)
    figures = summary([_outcome(folder) for folder in shown])
    if as_json:
        show(json.dumps(figures))
        return
    _table(figures)


@command.command()
def economics(
    *,
    incidents: Annotated[
        int, typer.Option(min=1, max=800, help="How many incidents to play, each twice.")
    ] = 240,
    seed: Annotated[int, typer.Option(help="Another seed is another stream; the same one the same.")] = 7,
    when: Annotated[When, typer.Option(help="At which investigations the model is asked.")] = "always",
    as_json: AsJson = False,
) -> None:
    """What the n-th incident of a family costs, beside the same stream with the graph wiped before each.

    Simulated productions under a virtual clock, the real loops, the real store in a temporary folder, and a
    scripted model on this machine that is really asked: tokens are those of its prompts and answers, at four
    bytes a token. Dollars are those of tokens and queries; people are counted as questions.
    """
    played = play(incidents, seed=seed, when=when)
    told = track(played, total=incidents, description="incidents", console=_PROGRESS)
    stream = list(told)
    figures = economics_benchmark.summary(stream)
    if as_json:
        show(json.dumps(figures))
        return
    _stream(stream)
    asked, alone = sum(one.queries for one in stream), sum(one.control_queries for one in stream)
    show(f"queries of backends: {asked}, without memory {alone}")
    _figures(figures)


@command.command()
def reasoning(
    *,
    services: Annotated[int, typer.Option(min=2, max=200, help="Services of the production.")] = 50,
    seed: Annotated[int, typer.Option(help="Another seed is another incident.")] = 7,
    cases: Annotated[
        Path | None, typer.Option(help="Labelled cases to plant false findings in; default: simulated ones.")
    ] = None,
    every: Annotated[bool, typer.Option("--every", help="Review every case and not a sample.")] = False,
    as_json: AsJson = False,
) -> None:
    """What a model reads to investigate one new incident, what the reviewer catches, what attacks achieve.

    The real loops over simulated productions with scripted models on this machine; tokens at four bytes each,
    of the real prompts. Findings that are false by construction and the engine's own true ones are put before
    the reviewer: on labelled cases where they are given, else on recordings of simulated faults. Each attack
    is played through the healing loop with a model that obeys it. Takes some minutes.
    """
    figures: dict[str, object] = {**measure_reading(services=services, seed=seed)}
    figures["reviewer"] = _reviewer(cases, seed=seed, every=every)
    attacked = track(suffer(seed=seed), total=len(ALL), description="attacks", console=_PROGRESS)
    figures["attacks"] = attacks_suffered(list(attacked))
    if as_json:
        show(json.dumps(figures))
        return
    for name, value in figures.items():
        show(f"{name}: {'no model was asked' if value is None else value}")


def _reviewer(cases: Path | None, *, seed: int, every: bool) -> dict[str, object]:
    """The rates over labelled cases, or over recordings of simulated faults."""
    with tempfile.TemporaryDirectory(prefix="autoheal-review-") as folder:
        if cases is None:
            folders: Iterable[Path] = recorded_cases(Path(folder), SAMPLE, seed=seed)
            total = SAMPLE
        else:
            folders = sample(cases, seed=seed, every=every)
            total = len(folders)
        shown = track(folders, total=total, description="reviews", console=_PROGRESS)
        return figures_of([found for each in shown for found in reviewed(each, seed=seed)])


@command.command("graph")
def graph(
    *,
    nodes: Annotated[int, typer.Option(min=100, help="Things in the graph.")] = 10_000,
    edges: Annotated[int, typer.Option(min=100, help="Facts between them.")] = 50_000,
    database: Annotated[str, typer.Option(help="URL of an empty database; default: a new SQLite file.")] = "",
    as_json: AsJson = False,
) -> None:
    """How fast the graph answers at a size: milliseconds, beside an in-memory graph as the limit."""
    figures = measure(Load(nodes=nodes, edges=edges), url=database or None)
    if as_json:
        show(json.dumps(figures))
        return
    timed = {
        name: value for name, value in figures.items() if isinstance(value, dict) and "processor_p50" in value
    }
    keys = ("p50", "p99", "processor_p50", "processor_p99")
    rows = [(name, *(value.get(key, "") for key in keys)) for name, value in timed.items()]
    show_table(("question", "p50 ms", "p99 ms", "processor p50", "processor p99"), rows, empty="")
    show(f"ingest: {figures['ingest_per_second']} facts per second on {figures['database']}")
    show(f"two hops, times as long as in memory: {figures['two_hops_to_rustworkx']}")


def _stream(stream: Sequence[Played]) -> None:
    answers = ("incident", "family", "n", "answered", "right")
    columns = (*answers, "queries", "tokens", "questions", "dollars", "without memory", "why not recalled")
    rows = [
        (
            one.incident,
            one.family or "novel",
            one.n if one.family else "",
            "recalled" if one.recalled else "investigated",
            "right" if one.right else "wrong",
            one.queries,
            one.tokens,
            one.questions,
            f"{one.cost:.5f}",
            f"{one.control:.5f}",
            one.why[:100],
        )
        for one in stream
    ]
    show_table(columns, rows, empty="no incident")


def _figures(figures: dict[str, Json]) -> None:
    fits = figures["exponent"]
    for family, fit in fits.items() if isinstance(fits, dict) else ():
        if isinstance(fit, dict):
            show(f"{family}: b = {fit['b']} ({fit['low']} to {fit['high']})")
    for name, value in figures.items():
        if name not in ("exponent", "cost", "cost_ratio_late_to_early_of"):
            show(f"{name}: {'not enough incidents' if value is None else value}")
    note("tokens are those of prompts that were really sent, to a scripted model on this machine")


def _outcome(folder: Path) -> Scored:
    return measured(load_case(folder), read_truth(folder), timer=time.perf_counter)


def _table(figures: dict[str, object]) -> None:
    rows = [*_rows(figures["systems"]), *_rows({"all": figures["all"]}), *_rows(figures["baselines"])]
    columns = ("cases of", "n", "ac1", "ac3", "ac5", "avg5", "ms")
    show_table(columns, rows, empty="no case")


def _rows(figures: object) -> list[tuple[object, ...]]:
    if not isinstance(figures, dict):
        return []
    keys = ("n", "ac1", "ac3", "ac5", "avg5", "ms")
    return [(name, *(found.get(key) for key in keys)) for name, found in figures.items()]
