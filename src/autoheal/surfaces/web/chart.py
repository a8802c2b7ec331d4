"""A line chart as numbers for inline SVG, with marks for what happened and a sentence that says it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

from autoheal.surfaces.web.words import number

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 64, 8, 26, 32
MOST_POINTS = 160
_TICKS = 4
_LEAST_POINTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something that happened: letter on the chart, kind (onset, change, action, recovery), unix seconds."""

    letter: str
    kind: str
    at: float
    text: str

    @property
    def when(self) -> datetime:
        """The instant in UTC."""
        return datetime.fromtimestamp(self.at, tz=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A place on an axis with its label."""

    place: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A mark drawn as a vertical line."""

    place: float
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Everything a template needs to draw one series; segments are broken where samples are missing."""

    title: str
    evidence_id: str
    summary: str
    segments: tuple[str, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Samples of one thing, each (unix seconds, value)."""

    title: str
    evidence_id: str
    unit: str
    points: tuple[tuple[float, float], ...]


def draw(series: Series, marks: Iterable[Mark]) -> Chart | None:
    """The chart, or None when there is nothing to draw."""
    points = _thin([(t, v) for t, v in sorted(series.points) if math.isfinite(t)])
    finite = [v for _, v in points if math.isfinite(v)]
    if len(finite) < _LEAST_POINTS or points[0][0] == points[-1][0]:
        return None
    low, high = min(0.0, *finite), max(finite)
    high = high if high > low else low + 1.0
    begin, end = points[0][0], points[-1][0]

    def x(t: float) -> float:
        return round(LEFT + (t - begin) / (end - begin) * (WIDTH - LEFT - RIGHT), 1)

    def y(v: float) -> float:
        return round(HEIGHT - BOTTOM - (v - low) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    steps = [i / (_TICKS - 1) for i in range(_TICKS)]
    return Chart(
        title=series.title,
        evidence_id=series.evidence_id,
        summary=_say(points, series.unit),
        segments=_segments([(x(t), y(v) if math.isfinite(v) else None) for t, v in points]),
        across=tuple(Tick(place=x(t), label=_clock(t)) for t in (begin + s * (end - begin) for s in steps)),
        up=tuple(Tick(place=y(v), label=number(v)) for v in (low + s * (high - low) for s in (0, 0.5, 1))),
        lines=tuple(Line(place=x(m.at), mark=m) for m in marks if begin <= m.at <= end),
    )


def _thin(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """One value per instant, and at most as many as fit: the highest of each stretch, so no peak is lost."""
    single = [(t, max(v for _, v in same)) for t, same in groupby(points, key=lambda p: p[0])]
    size = math.ceil(len(single) / MOST_POINTS)
    if size <= 1:
        return single
    stretches = (single[i : i + size] for i in range(0, len(single), size))
    return [max(stretch, key=lambda p: (not math.isnan(p[1]), p[1])) for stretch in stretches]


def _segments(points: Iterable[tuple[float, float | None]]) -> tuple[str, ...]:
    runs = (list(run) for known, run in groupby(points, key=lambda p: p[1] is not None) if known)
    return tuple(" ".join(f"{x},{y}" for x, y in run) for run in runs)


def _say(points: Sequence[tuple[float, float]], unit: str) -> str:
    finite = [(t, v) for t, v in points if math.isfinite(v)]
    top = max(finite, key=lambda p: p[1])
    unit = f" {unit}" if unit else ""
    return (
        f"from {number(finite[0][1])}{unit} at {_clock(finite[0][0])}, highest {number(top[1])}{unit} "
        f"at {_clock(top[0])}, last {number(finite[-1][1])}{unit} at {_clock(finite[-1][0])} UTC"
    )


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%H:%M:%S")
