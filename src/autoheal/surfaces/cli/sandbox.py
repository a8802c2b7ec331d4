"""`autoheal sandbox`: a small real production on this machine, to break and to heal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoheal.domain.errors import NotFoundError, UserError
from autoheal.sandbox.connection import connect
from autoheal.sandbox.fault import Fault
from autoheal.sandbox.rig import Rig, faults
from autoheal.surfaces.cli.options import AsJson
from autoheal.surfaces.cli.output import note, show_json, show_table

command = typer.Typer(no_args_is_help=True)

Home = Annotated[Path, typer.Option("--home", help="Folder that the rig lives in.")]
FaultDir = Annotated[Path | None, typer.Option("--fault-dir", help="More faults: a folder of YAML files.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="A parameter of the fault, as name=value.")]

HOME = Path(".autoheal/sandbox")
SERVE_PORT = 8787


@command.command()
def up(
    *,
    home: Home = HOME,
    port: Annotated[
        int, typer.Option(help="Port on which `autoheal serve` will take its alerts.")
    ] = SERVE_PORT,
    as_json: AsJson = False,
) -> None:
    """Start the rig, and write the settings with which Autoheal looks after it."""
    rig = Rig.up(home, webhook_url=f"http://127.0.0.1:{port}/webhooks/alertmanager", progress=note)
    settings = connect(rig.layout, home.absolute().parent / "sandbox-autoheal", port=port)
    if as_json:
        show_json("sandbox", endpoints=dict(rig.endpoints), settings=str(settings))
        return
    note(f"the rig is up; `autoheal --config {settings} serve` looks after it")
    show_table(["part", "where"], list(rig.endpoints.items()), empty="")


@command.command()
def status(*, home: Home = HOME, as_json: AsJson = False) -> None:
    """Say which processes run and where what answers."""
    found = Rig.attach(home).status()
    if as_json:
        show_json("sandbox", **found)
        return
    processes = found["processes"]
    rows = [[name, str(pid)] for name, pid in processes.items()] if isinstance(processes, dict) else []
    show_table(["process", "pid"], rows, empty="nothing runs")


@command.command(name="faults")
def list_faults(*, fault_dir: FaultDir = None, as_json: AsJson = False) -> None:
    """List what can be broken, with the ground truth."""
    known = faults(fault_dir)
    if as_json:
        show_json("sandbox.faults", faults=[fault.model_dump(mode="json") for fault in known.values()])
        return
    rows = [
        [f.id, f.family, f.truth.entity or "nobody", ", ".join(f.truth.mechanism), _choices(f)]
        for f in known.values()
    ]
    show_table(["fault", "family", "at fault", "mechanism", "parameters"], rows, empty="no faults")


@command.command()
def inject(
    fault: Annotated[str, typer.Argument(help="Id of the fault; `autoheal sandbox faults` lists them.")],
    *,
    home: Home = HOME,
    fault_dir: FaultDir = None,
    set_: Set = None,
    as_json: AsJson = False,
) -> None:
    """Break something."""
    known = faults(fault_dir)
    if fault not in known:
        raise NotFoundError(f"no fault {fault!r}; there are {', '.join(known)}")
    done = Rig.attach(home).inject(known[fault], _parameters(set_ or []))
    if as_json:
        show_json("sandbox.inject", **done)
        return
    note(f"injected {done['fault']}; `autoheal sandbox recover {done['fault']}` takes it back")


@command.command()
def recover(
    fault: Annotated[str | None, typer.Argument(help="Id of the fault; all when none is named.")] = None,
    *,
    home: Home = HOME,
    as_json: AsJson = False,
) -> None:
    """Take injected faults back."""
    done = Rig.attach(home).recover(fault)
    if as_json:
        show_json("sandbox.recover", recovered=done)
        return
    note(f"recovered: {', '.join(done) or 'nothing was injected'}")


@command.command()
def down(*, home: Home = HOME, as_json: AsJson = False) -> None:
    """Stop everything that the rig started."""
    Rig.left(home).down()
    if as_json:
        show_json("sandbox", up=False)
        return
    note("the rig is down")


def _parameters(given: list[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in given]
    for name, equals, _ in pairs:
        if not equals:
            raise UserError(f"--set {name}: a parameter is given as name=value")
    return {name: value for name, _, value in pairs}


def _choices(fault: Fault) -> str:
    return "; ".join(f"{name}: {', '.join(p.choices) or p.default}" for name, p in fault.parameters.items())
