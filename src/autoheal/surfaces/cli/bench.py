"""`autoheal bench`: measure the product on labelled data, beside what others publish."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from autoheal.recording.case_folder import case_folders, load_case
from autoheal.reports.rca_benchmark import Scored, measured, read_truth, summary
from autoheal.surfaces.cli.options import AsJson
from autoheal.surfaces.cli.output import show, show_table

command = typer.Typer(no_args_is_help=True)


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
    shown = track(folders, description="cases", console=Console(stderr=True))
    figures = summary([_outcome(folder) for folder in shown])
    if as_json:
        show(json.dumps(figures))
        return
    _table(figures)


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
