"""The calm past leaves out what earlier incidents disturbed, and nothing twice."""

from __future__ import annotations

import pytest

from autoheal.healing.calm import CalmHistory

HISTORY = CalmHistory(start=0.0, end=100.0, disturbed=((10.0, 30.0), (90.0, 100.0)))


@pytest.mark.parametrize(("moment", "calm"), [(-1, False), (0, True), (10, False), (31, True), (95, False)])
def test_a_moment_is_calm_inside_the_past_and_outside_of_every_disturbance(
    moment: float,
    calm: bool,  # noqa: FBT001  the other half of a table
) -> None:
    assert HISTORY.contains(moment) is calm


@pytest.mark.parametrize(("until", "seconds"), [(-5, 0), (5, 5), (20, 10), (50, 30), (100, 70)])
def test_calm_seconds_count_each_disturbance_only_as_far_as_it_reaches(until: float, seconds: float) -> None:
    assert HISTORY.seconds(until=until) == seconds
