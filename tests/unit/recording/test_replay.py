"""Replays: the same document every time, from the recording alone."""

from __future__ import annotations

import json
from pathlib import Path

from tests.unit.recording.test_case_folder import recorded

from autoheal.recording.case_folder import load_case
from autoheal.recording.replay import SCHEMA, replay


def test_a_replay_is_the_same_every_time(tmp_path: Path) -> None:
    recorded(tmp_path)
    first, second = (json.dumps(replay(load_case(tmp_path / "one"))) for _ in range(2))
    assert first == second


def test_a_replay_does_not_need_or_open_the_truth(tmp_path: Path) -> None:
    recorded(tmp_path)
    plain = replay(load_case(tmp_path / "one"))
    (tmp_path / "one" / "truth.json").write_bytes(b"\xff not even text")
    assert replay(load_case(tmp_path / "one")) == plain


def test_a_replay_names_every_measured_entity_with_its_evidence(tmp_path: Path) -> None:
    recorded(tmp_path)
    document = replay(load_case(tmp_path / "one"))
    ranking = document["ranking"]
    assert isinstance(ranking, list)
    assert document["schema"] == SCHEMA
    assert {row["entity"] for row in ranking} >= {"gateway", "catalog", "checkout", "payment", "stock", "db"}
    assert ranking[0]["entity"] == "stock"
    assert {"term", "modality", "subject", "points", "before", "after"} <= set(ranking[0]["evidence"][0])


def test_a_calm_recording_has_no_finding(tmp_path: Path) -> None:
    recorded(tmp_path)
    case = load_case(tmp_path / "one")
    telemetry = case.telemetry
    quiet = telemetry.metrics.filter(telemetry.metrics["time"] < telemetry.alert_time - 30)
    assert replay(case)["finding"] is not None
    assert quiet.height < telemetry.metrics.height
