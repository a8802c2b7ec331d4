"""A line chart that loses no peak and invents no line."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoheal.surfaces.web.chart import HEIGHT, MOST_POINTS, WIDTH, Chart, Mark, Series, draw
from autoheal.surfaces.web.words import badge, number, span


def chart(points: list[tuple[float, float]], *marks: Mark) -> Chart | None:
    return draw(Series(title="errors", evidence_id="ev_1", unit="1/s", points=tuple(points)), marks)


def coordinates(drawn: Chart) -> list[tuple[float, float]]:
    pairs = [pair.split(",") for segment in drawn.segments for pair in segment.split()]
    return [(float(x), float(y)) for x, y in pairs]


def test_a_single_peak_survives_the_thinning() -> None:
    drawn = chart([(t, 99.0 if t == 777 else 1.0) for t in range(5000)])
    assert drawn is not None
    assert "highest 99 1/s" in drawn.summary
    assert len(coordinates(drawn)) <= MOST_POINTS
    assert min(y for _, y in coordinates(drawn)) == 26.0


def test_missing_samples_break_the_line() -> None:
    drawn = chart([(t, math.nan if 3 <= t <= 5 else 1.0) for t in range(10)])
    assert drawn is not None
    assert [len(segment.split()) for segment in drawn.segments] == [3, 4]


@pytest.mark.parametrize("points", [[], [(1, 1)], [(1, 1), (1, 2)], [(1, math.nan), (2, math.nan), (3, 1)]])
def test_what_cannot_be_drawn_is_not(points: list[tuple[float, float]]) -> None:
    assert chart(points) is None


def test_only_marks_within_the_window_are_lines() -> None:
    marks = [Mark(letter=c, kind="change", at=at, text="") for c, at in (("A", -5), ("B", 5), ("C", 50))]
    drawn = chart([(0, 1), (10, 2)], *marks)
    assert drawn is not None
    assert [line.mark.letter for line in drawn.lines] == ["B"]
    assert [tick.label for tick in drawn.across] == ["00:00:00", "00:00:03", "00:00:06", "00:00:10"]


@given(st.lists(st.tuples(st.floats(0, 1e10), st.floats(-1e12, 1e12)), max_size=400))
def test_everything_stays_inside_the_frame(points: list[tuple[float, float]]) -> None:
    drawn = chart(points)
    if drawn is not None:
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in coordinates(drawn))


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.37412, "0.374"), (12345.0, "12.3 k"), (math.nan, "-"), (math.inf, "∞"), (None, "-"), (5.0e9, "5 G")],
)
def test_a_number_has_three_digits(value: float | None, said: str) -> None:
    assert number(value) == said


def test_a_span_is_said_as_people_say_it() -> None:
    assert [span(s) for s in (4.0, 150.0, 7200.0, -95.0, None)] == ["4 s", "2 min", "2.0 h", "-2 min", "-"]


def test_a_badge_has_a_sign_and_the_word_and_escapes_both() -> None:
    assert badge("still_failing") == (
        '<span class="badge off"><span aria-hidden="true">✘</span> still failing</span>'
    )
    assert "<b>" not in badge("<b>")
