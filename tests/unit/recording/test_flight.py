"""The flight recorder keeps the last incidents, each whole, and never stands in the way of healing."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.unit.diagnosis import rig

from autoheal.domain.alert import Severity
from autoheal.domain.incident import Incident, IncidentState
from autoheal.recording.case_folder import case_folders, load_case
from autoheal.recording.flight import FlightRecorder


def incident(name: str) -> Incident:
    return Incident(
        id=name,
        title="errors",
        environment="production",
        severity=Severity.CRITICAL,
        state=IncidentState.INVESTIGATING,
        opened_at=datetime.fromtimestamp(rig.T0, tz=UTC),
    )


def test_only_the_newest_are_kept_and_the_last_look_at_each(tmp_path: Path) -> None:
    recorder = FlightRecorder(folder=tmp_path / "cases", keep=2)
    early, late = (rig.telemetry(rig.failing("stock"), lasting=seconds) for seconds in (12.0, 24.0))
    for name in ("inc_1", "inc_2", "inc_3", "inc_3"):
        recorder.record(incident(name), early, ("gateway",))
    recorder.record(incident("inc_3"), late, ("gateway", "stock"))
    assert [folder.name for folder in case_folders(tmp_path / "cases")] == ["inc_2", "inc_3"]
    read = load_case(tmp_path / "cases" / "inc_3")
    assert (read.telemetry.end, read.services) == (late.end, ("gateway", "stock"))
    assert list((tmp_path / "cases").glob(".*")) == []


def test_where_nothing_can_be_written_that_is_said_and_nothing_raised(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cases").write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        FlightRecorder(folder=tmp_path / "cases", keep=2).record(incident("inc_1"), rig.telemetry(), ())
    assert "inc_1" in caplog.text
