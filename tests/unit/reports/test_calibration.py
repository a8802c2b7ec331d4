"""Calibration: what was stated held against what was right, over stored outcomes of simulated productions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autoheal.reports.calibration import BOUND, Judged, calibration
from autoheal.sandbox.simulated.judged import Outcome, outcomes

ROOT = Path(__file__).parents[3]
KEPT = json.loads((ROOT / "bench" / "calibration.json").read_text())
OUTCOMES = [Outcome(**each) for stream in KEPT["streams"] for each in stream["outcomes"]]
_SAMPLE = 4


def judged(stated: float, *, right: bool) -> Judged:
    return Judged(investigation="i", stated=stated, right=right, by="truth")


def of(found: list[Outcome]) -> list[Judged]:
    return [judged(each.stated, right=each.right) for each in found]


def test_nothing_judged_says_nothing() -> None:
    assert calibration([]).error is None


def test_a_stated_eighty_percent_that_is_right_eight_times_of_ten_has_no_error() -> None:
    found = calibration([judged(0.8, right=number < 8) for number in range(10)])
    assert (found.count, found.error, found.stated, found.right) == (10, 0.0, 0.8, 0.8)
    assert len(found.bins) == 1


def test_being_sure_and_wrong_half_the_time_is_an_error_of_a_half_with_an_interval_around_it() -> None:
    found = calibration([judged(1.0, right=number % 2 == 0) for number in range(200)])
    assert found.error == pytest.approx(0.5)
    assert found.low is not None
    assert found.high is not None
    assert 0.4 < found.low < 0.5 < found.high < 0.6


def test_too_sure_in_one_bin_does_not_cancel_too_modest_in_another() -> None:
    modest = [judged(0.35, right=True)] * 10
    sure = [judged(0.95, right=number >= 6) for number in range(10)]
    assert calibration([*modest, *sure]).error == pytest.approx(0.6, abs=0.05)


@pytest.mark.criterion(35)
def test_over_two_hundred_judged_investigations_stated_confidence_is_within_the_published_bound() -> None:
    assert len(OUTCOMES) >= 200
    wrong = [each for each in OUTCOMES if not each.right]
    assert len(wrong) >= 10, "wrong ones are among them"
    found = calibration(of(OUTCOMES))
    assert found.error is not None
    assert found.error <= BOUND
    told = (ROOT / "docs" / "judging.md").read_text()
    assert f"at most **{BOUND:.2f}**" in told, "the bound is published"


@pytest.mark.criterion(35)
@pytest.mark.timeout(300)
def test_the_stored_outcomes_are_those_of_this_code() -> None:
    stream = KEPT["streams"][-1]
    stored = [Outcome(**each) for each in stream["outcomes"]]
    sample = stored[:: len(stored) // _SAMPLE]
    again = outcomes(stream["count"], seed=stream["seed"], only=[each.number for each in sample])
    for was, now in zip(sample, again, strict=True):
        assert (now.named, now.verdict, now.right) == (was.named, was.verdict, was.right)
        assert now.stated == pytest.approx(was.stated, abs=0.02), "run bench/calibration.py and look"
