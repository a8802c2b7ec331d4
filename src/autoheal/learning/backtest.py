"""What a rule would have done on recorded series: when it fires, what it catches, how many pages. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from autoheal.domain.evidence import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A closed span of time in unix seconds."""

    start: float
    end: float

    def touches(self, other: Span) -> bool:
        """Whether they have a moment in common."""
        return self.start <= other.end and other.start <= self.end


Series = Mapping[str, Sequence[tuple[float, float]]]
"""Samples (unix seconds, value) in time order, by service."""


def series_of(rows: Sequence[Row]) -> dict[str, list[tuple[float, float]]]:
    """Rows by service, in time order."""
    found: dict[str, list[tuple[float, float]]] = {}
    for row in sorted(rows, key=lambda row: row.time):
        found.setdefault(row.entity, []).append((row.time, row.value))
    return found


def holding(
    samples: Sequence[tuple[float, float]], threshold: float, *, rises: bool, gap: float
) -> list[Span]:
    """Spans in which the condition holds; a gap in the samples ends one, as staleness does."""
    spans: list[Span] = []
    start = last = None
    for time, value in samples:
        true = value > threshold if rises else value < threshold
        if start is not None and last is not None and (not true or time - last > gap):
            spans.append(Span(start=start, end=last))
            start = None
        if true:
            start = time if start is None else start
            last = time
    return [*spans, Span(start=start, end=last)] if start is not None and last is not None else spans


def firing(spans: Sequence[Span], hold: float) -> list[Span]:
    """When the alert fires: from `hold` seconds into each span that lasts so long."""
    return [Span(start=s.start + hold, end=s.end) for s in spans if s.end - s.start >= hold]


def first_in(spans: Sequence[Span], window: Span) -> float | None:
    """When it first fires in a window."""
    inside = [max(span.start, window.start) for span in spans if span.touches(window)]
    return min(inside, default=None)


def outside(spans: Sequence[Span], windows: Sequence[Span]) -> list[Span]:
    """Those that touch no window."""
    return [span for span in spans if not busy_in(span, windows)]


def quiet_seconds(samples: Sequence[tuple[float, float]], busy: Sequence[Span], *, gap: float) -> float:
    """How long the samples cover times that touch no busy span; a gap in them covers nothing."""
    total = 0.0
    for (start, _), (end, _) in pairwise(samples):
        covered = end - start <= gap
        total += end - start if covered and not busy_in(Span(start=start, end=end), busy) else 0.0
    return total


def busy_in(span: Span, busy: Sequence[Span]) -> bool:
    """Whether the span touches one of the busy ones."""
    return any(span.touches(other) for other in busy)
