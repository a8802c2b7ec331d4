"""Which tests claim which acceptance numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autoheal.surfaces.cli.criteria import marked
from autoheal.surfaces.cli.main import run

SOURCE = """
import pytest
pytestmark = pytest.mark.criterion(7)

@pytest.mark.criterion(1)
@pytest.mark.criterion(2)
def test_a(): ...

class TestB:
    @pytest.mark.criterion(3, 4)
    async def test_c(self): ...

def helper(): ...
"""


def test_marks_of_functions_methods_and_modules_are_found() -> None:
    assert sorted(marked(SOURCE)) == [
        (1, "test_a"),
        (2, "test_a"),
        (3, "test_c"),
        (4, "test_c"),
        (7, "test_a"),
        (7, "test_c"),
    ]


def test_the_list_names_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "test_x.py").write_text(SOURCE)
    assert run(["criteria", "--tests", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["proved"]["3"] == ["test_x.py::test_c"]
    assert 5 in told["missing"]
    assert 7 not in told["missing"]


def test_without_tests_it_says_where_to_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["criteria", "--tests", str(tmp_path / "none")]) == 8
    assert "checkout" in capsys.readouterr().err
