"""`autoheal criteria`: which acceptance numbers a test claims to prove."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from autoheal.domain.errors import NotFoundError
from autoheal.surfaces.cli.options import AsJson
from autoheal.surfaces.cli.output import note, show_json, show_table

LAST = 132
"""The acceptance page ends with this number."""


def command(
    tests: Annotated[Path, typer.Option(help="The folder with the tests.")] = Path("tests"),
    *,
    as_json: AsJson = False,
) -> None:
    """List each acceptance number with the tests marked to prove it, then the numbers without one."""
    if not tests.is_dir():
        raise NotFoundError(f"{tests}: no such folder; run this in a checkout, or give --tests")
    proved = _collect(tests)
    missing = [n for n in range(1, LAST + 1) if n not in proved]
    if as_json:
        show_json("criteria", proved=proved, missing=missing)
        return
    rows = [(number, name) for number in sorted(proved) for name in proved[number]]
    show_table(("criterion", "test"), rows, empty=f"no test below {tests} is marked")
    note(f"{len(proved)} of {LAST} numbers have a marked test")


def _collect(tests: Path) -> dict[int, list[str]]:
    proved: dict[int, list[str]] = {}
    for file in sorted(tests.rglob("test_*.py")):
        for number, test in marked(file.read_text(encoding="utf-8")):
            proved.setdefault(number, []).append(f"{file.relative_to(tests)}::{test}")
    return proved


def marked(source: str) -> Iterator[tuple[int, str]]:
    """Pairs of criterion and test of a test file; a module's mark counts for each of its tests."""
    tree = ast.parse(source)
    everywhere = [n for node in tree.body if isinstance(node, ast.Assign) for n in _numbers(node.value)]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            own = [number for decorator in node.decorator_list for number in _numbers(decorator)]
            yield from ((number, node.name) for number in (*own, *everywhere))


def _numbers(node: ast.expr) -> Iterator[int]:
    """The arguments of each `criterion(...)` call inside an expression."""
    for call in ast.walk(node):
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr == "criterion"
        ):
            for argument in call.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, int):
                    yield argument.value
