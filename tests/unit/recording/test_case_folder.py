"""Case folders: what is written is what is read, and what cannot be read is said in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.diagnosis import rig

from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.errors import MalformedError, NotFoundError
from autoheal.recording.case_folder import Case, case_folders, load_case, read_changes, write_case


def recorded(folder: Path, name: str = "one") -> Case:
    change = Change(
        id="c1", kind=ChangeKind.CONFIG, entity="stock", time=rig.T0 - 5, title="tune", files=("a.yaml",)
    )
    telemetry = rig.telemetry(rig.failing("stock"), history=40, changes=(change,))
    case = Case(
        id=name, system="rig", summary="errors at the gateway", source="simulated", telemetry=telemetry
    )
    write_case(folder / name, case)
    return case


def test_a_written_case_reads_back_the_same(tmp_path: Path) -> None:
    written = recorded(tmp_path)
    read = load_case(tmp_path / "one")
    assert (read.id, read.system, read.summary, read.source) == (
        "one",
        "rig",
        "errors at the gateway",
        "simulated",
    )
    assert read.telemetry.changes == written.telemetry.changes
    assert read.telemetry.topology == written.telemetry.topology
    assert read.telemetry.metrics.equals(written.telemetry.metrics)
    assert read.telemetry.spans is not None
    assert written.telemetry.spans is not None
    assert read.telemetry.spans.height == written.telemetry.spans.height


def test_a_folder_without_a_case_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no case\.json"):
        load_case(tmp_path)


def test_a_case_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "case.json").write_text("{")
    with pytest.raises(MalformedError, match=r"case\.json"):
        load_case(tmp_path)


@pytest.mark.parametrize("key", ["alert_time", "window"])
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    recorded(tmp_path)
    path = tmp_path / "one" / "case.json"
    head = json.loads(path.read_text())
    del head[key]
    path.write_text(json.dumps(head))
    with pytest.raises(MalformedError, match=key):
        load_case(tmp_path / "one")


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    recorded(tmp_path)
    (tmp_path / "one" / "spans.parquet").write_bytes(b"no parquet")
    with pytest.raises(MalformedError, match=r"spans\.parquet"):
        load_case(tmp_path / "one")


def test_missing_metrics_are_told_and_do_not_stop_the_reading(tmp_path: Path) -> None:
    recorded(tmp_path)
    (tmp_path / "one" / "metrics.parquet").unlink()
    assert load_case(tmp_path / "one").telemetry.missing == ("metrics",)


def test_commits_deploys_and_flags_are_read_in_time_order(tmp_path: Path) -> None:
    body = {
        "commits": [
            {"sha": "s1", "author": "a", "timestamp": "2026-01-01T00:00:10Z", "message": "m", "diff": None}
        ],
        "deploys": [
            {"commit_sha": "s1", "service": "web", "timestamp": "2026-01-01T00:00:20Z", "version": "v2"}
        ],
        "flags": [{"flag": "f", "service": "web", "timestamp": "2026-01-01T00:00:05Z", "change": "off->on"}],
    }
    (tmp_path / "changes.json").write_text(json.dumps(body))
    found = read_changes(tmp_path / "changes.json")
    assert [(change.id, change.kind) for change in found] == [
        ("f", ChangeKind.FLAG),
        ("s1", ChangeKind.COMMIT),
        ("s1", ChangeKind.DEPLOY),
    ]


def test_a_folder_without_cases_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no case in"):
        case_folders(tmp_path)
