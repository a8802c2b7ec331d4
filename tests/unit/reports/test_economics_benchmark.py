"""The figures of the benchmark follow from its incidents, and are missing where a stream is too short."""

from __future__ import annotations

from autoheal.reports.economics_benchmark import Fit, Played, fitted, summary


def played(n: int, cost: float, *, family: str | None = "leak", recalled: bool = False) -> Played:
    return Played(
        incident=n,
        family=family,
        n=n,
        recalled=recalled,
        right=True,
        escalated=False,
        queries=10,
        tokens=0,
        questions=0,
        cost=cost,
        control=1.0,
        why="",
    )


def test_late_occurrences_are_held_against_early_ones_by_their_medians() -> None:
    stream = [played(n, 1.0 if n <= 3 else 0.02) for n in range(1, 21)]
    assert summary(stream)["cost_ratio_late_to_early"] == 0.02


def test_a_family_that_did_not_come_often_enough_has_no_late_cost() -> None:
    assert summary([played(n, 1.0) for n in range(1, 16)])["cost_ratio_late_to_early"] is None


def test_novel_incidents_count_in_the_whole_and_in_no_family() -> None:
    news = [played(1, 1.0, family=None), played(2, 0.0, family=None, recalled=True)]
    figures = summary([played(1, 1.0), played(2, 0.0), *news])
    assert figures["cost_ratio_to_control"] == 0.5
    assert (figures["novel"], figures["novel_answered_from_memory"]) == (2, 1)
    assert figures["families"] == 1


def test_the_exponent_of_an_exact_power_law_is_found_without_doubt() -> None:
    found = fitted([10 * n**-0.7 for n in range(1, 13)])
    assert found == Fit(b=0.7, low=0.7, high=0.7)


def test_doubt_about_the_exponent_shrinks_with_occurrences_and_two_tell_nothing() -> None:
    wobble = [1.0 / n * (1.5 if n % 2 else 0.7) for n in range(1, 31)]
    few, many = fitted(wobble[:5]), fitted(wobble)
    assert few is not None
    assert many is not None
    assert many.high - many.low < few.high - few.low
    assert many.low < 1.0 < many.high
    assert fitted([1.0, 0.5]) is None
