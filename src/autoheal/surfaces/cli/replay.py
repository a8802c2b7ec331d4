"""`autoheal replay`: investigate recorded cases again, with no network and no truth."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from autoheal.recording.case_folder import load_case
from autoheal.recording.replay import replay
from autoheal.surfaces.cli.options import AsJson
from autoheal.surfaces.cli.output import note, show, show_table

_SHOWN = 5


def command(
    cases: Annotated[list[Path], typer.Argument(help="Case folders.", metavar="CASE_DIR...")],
    *,
    as_json: AsJson = False,
) -> None:
    """Investigate recorded cases as they were: one ranking each, the same every time."""
    quiet = len(cases) < _SHOWN
    for folder in track(cases, description="cases", console=Console(stderr=True), disable=quiet):
        document = replayed(folder)
        show(json.dumps(document, ensure_ascii=False)) if as_json else _page(document)


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
