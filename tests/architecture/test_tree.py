"""The tree tells its own story: one order everywhere, one line per module, small files and functions."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

from tools.docs import SOURCE, caption, parsed, parts

import autoheal

CAPTION = 110
LINES = 400
LONGEST = 50
NINETIETH = 25
MEDIAN = 7
FORBIDDEN = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "core",
    "base",
    "manager",
    "service",
    "services",
    "misc",
}


FOREIGN = SOURCE / "sandbox" / "shop"
"""The source of another production, the one we break: it is not ours, and has its own tests."""


def modules() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*.py") if FOREIGN not in path.parents)


def functions() -> Iterator[tuple[str, int]]:
    """Each function with the lines of its body, without its docstring."""
    for path in modules():
        for node in ast.walk(parsed(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 1
                yield f"{path.relative_to(SOURCE)}::{node.name}", lines


def test_every_part_stands_in_the_reading_order_and_every_listed_part_exists() -> None:
    found = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" and path.stem != "__init__"}
    found |= {path.name for path in SOURCE.iterdir() if (path / "__init__.py").is_file()}
    assert found == set(parts())


def test_the_package_says_what_each_part_is_for() -> None:
    story = autoheal.__doc__ or ""
    assert [part for part in parts() if part not in story and not part.startswith("__")] == []


def test_every_module_opens_with_one_line_that_fits() -> None:
    lines = {str(path.relative_to(SOURCE)): caption(path) for path in modules()}
    assert [name for name, line in lines.items() if not line] == []
    assert [name for name, line in lines.items() if len(line) > CAPTION] == []


def test_no_file_is_longer_than_one_idea() -> None:
    long = {
        str(p.relative_to(SOURCE)): n for p in modules() if (n := len(p.read_text().splitlines())) > LINES
    }
    assert long == {}


def test_no_function_is_longer_than_one_thought() -> None:
    assert {name: lines for name, lines in functions() if lines > LONGEST} == {}


def test_most_functions_are_short() -> None:
    lengths = [lines for _, lines in functions()]
    assert statistics.median(lengths) <= MEDIAN
    assert statistics.quantiles(lengths, n=10)[-1] <= NINETIETH


def test_no_name_says_nothing() -> None:
    names = {part for path in modules() for part in path.relative_to(SOURCE).with_suffix("").parts}
    assert names & FORBIDDEN == set()


def test_no_import_hides_inside_a_function() -> None:
    """Save in an integration whose dependency is optional: such a line says so."""
    hidden = []
    for path in modules():
        text = path.read_text(encoding="utf-8")
        for outer in ast.walk(parsed(text)):
            if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef):
                inner = [n for n in ast.walk(outer) if isinstance(n, ast.Import | ast.ImportFrom)]
                lines = text.splitlines()
                hidden += [f"{path.name}:{n.lineno}" for n in inner if "optional" not in lines[n.lineno - 1]]
    assert hidden == []
