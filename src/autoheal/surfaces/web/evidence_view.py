"""What the page of one stored query draws: the series among its rows, where rows are numbers over time."""

from __future__ import annotations

from collections.abc import Sequence

from autoheal.domain.evidence import Evidence, Row
from autoheal.surfaces.web.chart import Chart, Series, draw

MOST_CHARTS = 6


def charts_of(evidence: Evidence, rows: Sequence[Row]) -> list[Chart]:
    """Charts of the first few series; none where rows are log lines, spans or changes."""
    drawn = (draw(series, ()) for series in series_of(evidence, rows)[:MOST_CHARTS])
    return [chart for chart in drawn if chart is not None]


def series_of(evidence: Evidence, rows: Sequence[Row]) -> list[Series]:
    """The rows without text, by what they measure, in the order in which they came."""
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in rows:
        if not row.text:
            found.setdefault((row.entity, row.subject), []).append((row.time, row.value))
    return [
        Series(
            title=f"{subject or evidence.expression[:80]} of {entity or 'no named service'}",
            evidence_id=evidence.id,
            unit="",
            points=tuple(points),
        )
        for (entity, subject), points in found.items()
    ]
