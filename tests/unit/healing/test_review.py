"""A cause must be of a size that hurts: statistics alone call a wobble unusual."""

from __future__ import annotations

import pytest

from autoheal.healing.review import moved


@pytest.mark.parametrize(
    ("before", "after"), [(0.0, 0.001), (100.0, 134.0), (100.0, 74.0), (-1.0, 1.0), (0.2, 0.0)]
)
def test_a_quarter_of_the_larger_level_is_a_move(before: float, after: float) -> None:
    assert moved(before, after)


@pytest.mark.parametrize(("before", "after"), [(8.5, 9.2), (0.0, 0.0), (-4.0, -4.5), (100.0, 76.0)])
def test_less_is_none(before: float, after: float) -> None:
    assert not moved(before, after)
