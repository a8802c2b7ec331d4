"""When a rule would have fired on recorded samples."""

from __future__ import annotations

from autoheal.domain.evidence import Row
from autoheal.learning.backtest import Span, firing, first_in, holding, outside, quiet_seconds, series_of

SAMPLES = [(0.0, 0.0), (5.0, 2.0), (10.0, 2.0), (15.0, 2.0), (20.0, 0.0), (25.0, 3.0)]


def test_a_condition_holds_from_its_first_to_its_last_true_sample() -> None:
    assert holding(SAMPLES, 1.0, rises=True, gap=15) == [Span(start=5, end=15), Span(start=25, end=25)]


def test_a_falling_condition_holds_below_the_threshold() -> None:
    assert holding(SAMPLES, 1.0, rises=False, gap=15) == [Span(start=0, end=0), Span(start=20, end=20)]


def test_missing_samples_end_a_span_as_staleness_does() -> None:
    found = holding([(0, 2), (5, 2), (100, 2)], 1.0, rises=True, gap=15)
    assert found == [Span(start=0, end=5), Span(start=100, end=100)]


def test_it_fires_once_it_has_held_long_enough() -> None:
    spans = [Span(start=0, end=9), Span(start=20, end=40)]
    assert firing(spans, 10) == [Span(start=30, end=40)]


def test_the_first_firing_in_a_window_and_those_outside_of_all() -> None:
    spans = [Span(start=0, end=5), Span(start=20, end=30)]
    window = Span(start=25, end=60)
    assert first_in(spans, window) == 25
    assert first_in(spans, Span(start=50, end=60)) is None
    assert outside(spans, [window]) == [Span(start=0, end=5)]


def test_rows_become_series_by_service_in_time_order() -> None:
    rows = [Row(time=t, entity=e, subject="x", value=t) for t, e in ((2, "a"), (1, "a"), (1, "b"))]
    assert series_of(rows) == {"a": [(1, 1), (2, 2)], "b": [(1, 1)]}


def test_quiet_time_is_what_samples_cover_outside_of_every_incident() -> None:
    samples = [(float(t), 0.0) for t in (*range(0, 101, 5), *range(200, 301, 5))]
    overlapping = [Span(start=20, end=50), Span(start=30, end=60), Span(start=500, end=900)]
    assert quiet_seconds(samples, overlapping, gap=15) == 200 - 50
    assert quiet_seconds(samples, [Span(start=0, end=300)], gap=15) == 0
