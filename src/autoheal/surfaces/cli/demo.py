"""`autoheal demo`: production breaks, is healed, teaches, and is healed cheaper the second time."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import httpx
import typer

from autoheal.domain.errors import UnreachableError
from autoheal.sandbox.connection import connect
from autoheal.sandbox.demo import ACTS, Play, Scene
from autoheal.sandbox.rig import Rig
from autoheal.surfaces.cli.options import AsJson
from autoheal.surfaces.cli.output import note, show_json, show_table
from autoheal.surfaces.cli.ports import free_port

HOME = Path(".autoheal/demo")
WARM_SECONDS = 40
"""How long production runs before it is broken: without a baseline nobody can tell what is unusual."""

_READY_SECONDS = 30.0


def command(
    *,
    home: Annotated[Path, typer.Option("--home", help="Folder for everything the demo writes.")] = HOME,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the rig and the web page up at the end.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Break a small real production four times; exits 1 if any incident was diagnosed wrongly."""
    began = time.monotonic()
    home = home.absolute()
    shutil.rmtree(home / "autoheal", ignore_errors=True)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with _rig(home / "rig", f"{url}/webhooks/alertmanager", keep=keep) as rig:
        settings = connect(rig.layout, home / "autoheal", port=port)
        with _served(settings, url, keep=keep):
            note(f"Autoheal looks after it: {url}")
            scenes = _play(rig, url)
    seconds = time.monotonic() - began
    wrong = [scene for scene in scenes if not scene.right]
    if as_json:
        show_json("demo", seconds=seconds, right=not wrong, incidents=[asdict(s) for s in scenes])
    else:
        _table(scenes)
        note(f"took {seconds:.0f} s; {len(scenes) - len(wrong)} of {len(scenes)} right")
    if keep:
        note(f"still up: {url}; `autoheal sandbox down --home {home / 'rig'}` stops the rig")
    if wrong:
        raise typer.Exit(1)


def _play(rig: Rig, url: str) -> list[Scene]:
    _warm_up()
    began = time.monotonic()

    def say(text: str) -> None:
        note(f"{time.monotonic() - began:4.0f} s  {text}")

    scenes = []
    for act in ACTS:
        scenes.append(Play(rig, url, say).play(act))
        say(f"  => {_judged(scenes[-1])}")
    return scenes


def _judged(scene: Scene) -> str:
    return f"{'right' if scene.right else 'WRONG: ' + scene.why_wrong}: {scene.verdict}"


def _warm_up() -> None:
    note(f"production runs quietly for {WARM_SECONDS} s, so that there is a baseline")
    time.sleep(WARM_SECONDS)


@contextmanager
def _rig(home: Path, webhook_url: str, *, keep: bool) -> Iterator[Rig]:
    rig = Rig.up(home, webhook_url=webhook_url, progress=note)
    try:
        yield rig
    finally:
        if not keep:
            rig.down()


@contextmanager
def _served(settings: Path, url: str, *, keep: bool) -> Iterator[None]:
    log = settings.parent / "serve.log"
    command = [sys.executable, "-m", "autoheal", "--config", str(settings), "serve"]
    with log.open("w") as out:
        process = subprocess.Popen(  # noqa: S603  our own program
            command, stdout=out, stderr=out, start_new_session=True
        )
    try:
        _await(f"{url}/readyz", process, log)
        yield
    finally:
        if not keep:
            process.terminate()
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _READY_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(url, timeout=2).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    said = log.read_text(errors="replace").strip().splitlines()
    raise UnreachableError(f"Autoheal does not come up: {said[-1] if said else f'see {log}'}")


def _table(scenes: Sequence[Scene]) -> None:
    columns = [
        "incident", "detect", "to cause", "to mitigate", "queries", "tokens", "asked", "by", "verdict",
        "done", "outcome", "truth",
    ]  # fmt: skip
    rows = [
        [
            scene.act.title,
            _short(scene.detect_seconds),
            _short(scene.cause_seconds),
            _short(scene.mitigate_seconds),
            str(scene.queries),
            str(scene.tokens),
            str(scene.questions),
            scene.answered_by,
            scene.verdict,
            ", ".join(scene.actions) or "nothing",
            scene.outcome,
            "right" if scene.right else f"WRONG: {scene.why_wrong}",
        ]
        for scene in scenes
    ]
    show_table(columns, rows, empty="nothing was played")


def _short(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.0f} s"
