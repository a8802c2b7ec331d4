"""The benchmark's figures: places become accuracies, confidence is held against what was right."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.diagnosis import rig

from autoheal.diagnosis.baselines import nsigma_ranking, robust_ranking
from autoheal.diagnosis.engine import diagnose
from autoheal.domain.errors import MalformedError, NotFoundError
from autoheal.recording.case_folder import Case
from autoheal.reports.rca_benchmark import Scored, Truth, calibration_error, read_truth, scored, summary


def outcome(place: int, confidence: float = 0.9, system: str = "a") -> Scored:
    return Scored(
        system=system,
        places={"autoheal": place, "nsigma": 0, "robustscorer": 2},
        confidence=confidence,
        milliseconds=10.0,
        change_right=None,
        mechanism_right=None,
    )


def test_accuracy_counts_the_places_up_to_k_and_an_unnamed_entity_never() -> None:
    figures = summary([outcome(1), outcome(2), outcome(4), outcome(0)])
    assert figures["all"] == {"n": 4, "ac1": 0.25, "ac3": 0.5, "ac5": 0.75, "avg5": 0.55, "ms": 10.0}


def test_baselines_and_systems_are_reported_apart() -> None:
    figures = summary([outcome(1, system="a"), outcome(3, system="b")])
    systems, baselines = figures["systems"], figures["baselines"]
    assert isinstance(systems, dict)
    assert isinstance(baselines, dict)
    assert (systems["a"]["ac1"], systems["b"]["ac1"]) == (1.0, 0.0)
    assert (baselines["nsigma"]["ac5"], baselines["robustscorer"]["ac3"]) == (0.0, 1.0)


def test_calibration_error_is_zero_for_honest_and_large_for_boastful_confidence() -> None:
    honest = [outcome(1, 0.95)] * 19 + [outcome(2, 0.95)]
    assert calibration_error(honest) == pytest.approx(0.0, abs=1e-9)
    assert calibration_error([outcome(2, 0.95)] * 4) == pytest.approx(0.95)


def test_a_case_is_scored_against_its_truth() -> None:
    telemetry = rig.telemetry(rig.failing("stock"), history=600, step=5.0)
    case = Case(id="x", system="rig", summary="", source="", telemetry=telemetry)
    truth = Truth(entity="stock", fault_type="exception", change=None)
    found = scored(case, truth, diagnose(telemetry), milliseconds=1.0)
    assert (found.places["autoheal"], found.mechanism_right, found.change_right) == (1, True, None)


def test_both_baselines_rank_every_measured_entity() -> None:
    telemetry = rig.telemetry(rig.failing("stock"), history=600, step=5.0)
    entities = set(telemetry.metrics["entity"].unique())
    assert set(nsigma_ranking(telemetry)) == set(robust_ranking(telemetry)) == entities


def test_a_case_without_truth_cannot_be_scored(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"truth\.json"):
        read_truth(tmp_path)
    (tmp_path / "truth.json").write_text('{"fault_type": "x"}')
    with pytest.raises(MalformedError, match="entity"):
        read_truth(tmp_path)
