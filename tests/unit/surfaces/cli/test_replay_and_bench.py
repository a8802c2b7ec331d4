"""`autoheal replay` and `autoheal bench rca` on cases in a folder."""

from __future__ import annotations

import json
from pathlib import Path

import typer
from tests.unit.recording.test_case_folder import recorded
from typer.testing import CliRunner

from autoheal.surfaces.cli import bench, replay

replaying = typer.Typer()
replaying.command()(replay.command)


def test_replay_prints_one_json_line_per_folder(tmp_path: Path) -> None:
    folders = [tmp_path / recorded(tmp_path, name).id for name in ("one", "two")]
    result = CliRunner().invoke(replaying, [*map(str, folders), "--json"])
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert [line["case"] for line in lines] == ["one", "two"]
    assert all(line["ranking"][0]["entity"] == "stock" and line["elapsed_ms"] > 0 for line in lines)


def test_replay_shows_a_table_to_people(tmp_path: Path) -> None:
    recorded(tmp_path)
    result = CliRunner().invoke(replaying, [str(tmp_path / "one")])
    assert "stock" in result.stdout


def test_bench_reports_figures_by_system_and_baseline(tmp_path: Path) -> None:
    recorded(tmp_path)
    (tmp_path / "one" / "truth.json").write_text('{"entity": "stock", "fault_type": "exception"}')
    result = CliRunner().invoke(bench.command, ["rca", "--cases", str(tmp_path), "--json"])
    figures = json.loads(result.stdout)
    assert result.exit_code == 0
    assert figures["systems"]["rig"]["ac1"] == 1.0
    assert set(figures["baselines"]) == {"nsigma", "robustscorer"}
