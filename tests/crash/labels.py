"""Every crash point there is, read from the code: effects of the ports, and steps of the workflows."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

from autoheal.integrations.crash import HARMLESS
from autoheal.ports import production, runs, stores

PORTS: dict[str, type] = {
    "actuator": production.Actuator,
    "alerts": stores.AlertStore,
    "audit": stores.Audit,
    "forge": production.Forge,
    "graph": stores.GraphStore,
    "incidents": stores.IncidentStore,
    "mitigations": stores.MitigationStore,
    "pager": production.Pager,
    "proposals": stores.ProposalStore,
    "questions": stores.QuestionStore,
    "runs": runs.Runs,
}
WORKFLOWS = {"heal": "healing/workflow.py", "learn": "learning/workflow.py"}
_SOURCE = Path(stores.__file__).parents[1]


def declared() -> set[str]:
    """The points without their side, and without the step an effect happens in."""
    return {*_effects(), *(f"{name}.{step}" for name, file in WORKFLOWS.items() for step in _steps(file))}


def _effects() -> Iterator[str]:
    for name, port in PORTS.items():
        methods = (method for method, _ in inspect.getmembers(port, inspect.isfunction))
        yield from (f"{name}.{m}" for m in methods if not m.startswith("_") and m not in HARMLESS)


def _steps(file: str) -> Iterator[str]:
    """What a workflow hands to `step(...)`."""
    for node in ast.walk(ast.parse((_SOURCE / file).read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "step":
            first = node.args[0]
            assert isinstance(first, ast.Name), f"{file}:{node.lineno} hands no plain name to step"
            yield first.id
