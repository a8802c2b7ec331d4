"""`autoheal replay`: investigate recorded cases again, with no network and no truth."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from autoheal.config import load
from autoheal.domain.errors import UserError
from autoheal.recording.case_folder import case_folders, load_case
from autoheal.recording.regression import answered
from autoheal.recording.replay import replay
from autoheal.surfaces.cli.options import AsJson, options
from autoheal.surfaces.cli.output import note, show, show_json, show_table

_SHOWN = 5


def command(
    ctx: typer.Context,
    cases: Annotated[list[Path] | None, typer.Argument(help="Case folders.", metavar="CASE_DIR...")] = None,
    *,
    regressions: Annotated[
        bool, typer.Option("--regressions", help="Replay what was once judged wrong; 1 if it still is.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Investigate recorded cases as they were: one ranking each, the same every time."""
    if regressions == bool(cases):
        raise UserError("name case folders, or say --regressions")
    if regressions:
        _regressions(load(options(ctx).config).config.home / "regressions", as_json=as_json)
        return
    cases = cases or []
    quiet = len(cases) < _SHOWN
    for folder in track(cases, description="cases", console=Console(stderr=True), disable=quiet):
        document = replayed(folder)
        show(json.dumps(document, ensure_ascii=False)) if as_json else _page(document)


def _regressions(folder: Path, *, as_json: bool) -> None:
    folders = case_folders(folder) if folder.is_dir() else ()
    shown = track(folders, description="cases", console=Console(stderr=True), disable=len(folders) < _SHOWN)
    found = [answered(case) for case in shown]
    if as_json:
        show_json("regressions", cases=found)
    else:
        rows = [(one.case, one.truth, one.said, "right" if one.right else "WRONG") for one in found]
        empty = "no verdict was judged wrong yet: `autoheal incident judge` enters one"
        show_table(("incident", "truth", "said now", ""), rows, empty=empty)
    if not all(one.right for one in found):
        raise typer.Exit(1)


def replayed(folder: Path) -> dict[str, object]:
    """The replay document of one folder, with the milliseconds that reading and ranking took."""
    begun = time.perf_counter()
    document = replay(load_case(folder))
    document["elapsed_ms"] = round((time.perf_counter() - begun) * 1000, 1)
    return document


def _page(document: dict[str, object]) -> None:
    note(f"{document['case']}: {document['verdict']}, confidence {document['confidence']}")
    ranking = document["ranking"]
    causes = ranking[:_SHOWN] if isinstance(ranking, list) else []
    rows = [(cause["entity"], cause["score"], cause["mechanism"], _best(cause)) for cause in causes]
    show_table(("entity", "score", "mechanism", "best evidence"), rows, empty="no entity was measured")


def _best(cause: dict[str, object]) -> str:
    evidence = cause["evidence"]
    if not isinstance(evidence, list) or not evidence:
        return ""
    first = evidence[0]
    return f"{first['term']} {first['subject']}: {_short(first['before'])} to {_short(first['after'])}"


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "none"
