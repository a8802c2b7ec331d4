"""Every crash point there is, read from the code: effects of the ports, and steps of the workflows."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from autoheal.integrations.crash import HARMLESS
from autoheal.loop import Loop
from autoheal.ports import audit, production, runs, stores
from autoheal.sandbox.platform import api

PORTS: dict[str, type] = {
    "actuator": production.Actuator,
    "alerts": stores.AlertStore,
    "audit": audit.Audit,
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
_CRASH = re.compile(r'crash\("([^"]+)"\)')
_SOURCE = Path(stores.__file__).parents[1]


def declared() -> set[str]:
    """The points without their side, and without the step an effect happens in."""
    return {*_effects(), *(f"{name}.{step}" for name, file in WORKFLOWS.items() for step in _steps(file))}


def workflows() -> set[str]:
    """The names of all durable runs."""
    return set(Loop.workflows(object.__new__(Loop)))


def of_the_platform() -> list[str]:
    """The points inside the rig's platform, in the order of its code."""
    found = _CRASH.findall(inspect.getsource(api))
    assert found, "the platform has no crash points any more"
    return found


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
