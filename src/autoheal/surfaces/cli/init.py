"""`autoheal init`: a settings file and a policy file to start from."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from autoheal.domain.errors import ConflictError, UserError
from autoheal.surfaces.cli.options import AsJson
from autoheal.surfaces.cli.output import note, show_json

FILES = ("autoheal.toml", "policy.yaml")

_NEXT = """next:
  1. name your Prometheus in {folder}/autoheal.toml
  2. `autoheal doctor` checks every connection
  3. `autoheal serve` runs; let Alertmanager post to http://127.0.0.1:8787/webhooks/alertmanager"""


def command(
    folder: Annotated[Path, typer.Argument(help="Where to write them.")] = Path(),
    *,
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write autoheal.toml and policy.yaml with safe values: all is proposed, nothing is done unasked."""
    there = [name for name in FILES if (folder / name).exists()]
    if there and not force:
        raise ConflictError(f"{folder / there[0]} exists; --force writes over it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            (folder / name).write_text(_template(name), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{folder}: cannot be written: {error.strerror}") from None
    if as_json:
        show_json("init", files=[folder / name for name in FILES])
        return
    note(f"wrote {', '.join(str(folder / name) for name in FILES)}")
    note(_NEXT.format(folder=folder))


def _template(name: str) -> str:
    return (files("autoheal.surfaces.cli") / "start" / name).read_text(encoding="utf-8")
