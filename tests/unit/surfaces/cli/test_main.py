"""The command line's frame: what a user sees when all is well, and one line with a code when it is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autoheal.surfaces.cli.main import DOORS, run

AUTOHEAL = [sys.executable, "-m", "autoheal"]


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AUTOHEAL_CONFIG", raising=False)


def test_help_names_every_command_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    page = capsys.readouterr().out
    assert [door.name for door in DOORS if f" {door.name} " not in page] == []
    assert "Exit codes" in page


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from autoheal.surfaces.cli.main import run; run(['--help']);"
        "print([m for m in ('sqlalchemy', 'dbos', 'polars', 'fastapi', 'httpx') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "[]"


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("autoheal 0.")


def test_a_slip_in_a_command_is_answered_with_the_right_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["incidnt"]) == 2
    assert "Did you mean 'incident'" in capsys.readouterr().err


def test_a_wrong_setting_is_one_line_and_exit_three(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "autoheal.toml"
    file.write_text("[http]\nprot = 1\n")
    assert run(["config", "validate"]) == 3
    told = capsys.readouterr()
    assert told.err == "autoheal: autoheal.toml:2: no such setting http.prot; did you mean port?\n"
    assert told.out == ""


def test_debug_adds_the_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "autoheal.toml").write_text("nonsense")
    assert run(["--debug", "config", "validate"]) == 3
    assert "Traceback" in capsys.readouterr().err


def test_every_setting_is_shown_as_json_with_a_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "show", "--json"]) == 0
    assert '"schema": "autoheal.config/v1"' in capsys.readouterr().out


def test_what_init_writes_is_valid_and_is_not_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", "here"]) == 0
    assert run(["--config", "here/autoheal.toml", "config", "validate"]) == 0
    before = (tmp_path / "here" / "policy.yaml").read_text()
    (tmp_path / "here" / "policy.yaml").write_text("mine")
    assert run(["init", "here"]) == 1
    assert (tmp_path / "here" / "policy.yaml").read_text() == "mine"
    assert run(["init", "here", "--force"]) == 0
    assert (tmp_path / "here" / "policy.yaml").read_text() == before
    assert "exists; --force" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert run(["init", "file/inside"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_reader_that_goes_away_ends_quietly_with_141() -> None:
    read, write = os.pipe()
    os.close(read)
    told = subprocess.run(
        [*AUTOHEAL, "config", "show", "--json"], stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)
    assert (told.returncode, told.stderr) == (141, "")
