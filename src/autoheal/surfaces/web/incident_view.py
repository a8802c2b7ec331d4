"""What the page of one incident shows: marks, charts of the cited evidence, what waits, what it cost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from string import ascii_uppercase

from autoheal.app import IncidentFile
from autoheal.domain.evidence import Evidence, Reading, Row
from autoheal.domain.investigation import Hypothesis, HypothesisState, Investigation
from autoheal.domain.mitigation import Mitigation, MitigationState
from autoheal.reports.economics import Bill, ModelCost, bill, model_costs, stages
from autoheal.surfaces.web.chart import Chart, Mark, Series, draw
from autoheal.surfaces.web.evidence_view import series_of

Read = Callable[[str], tuple[Evidence, Sequence[Row]]]
MOST_CHARTS = 4
MOST_CHANGES = 8
_CHANGES = "changes"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentView:
    """Everything the template needs, decided here and not there."""

    file: IncidentFile
    marks: tuple[Mark, ...]
    charts: tuple[Chart, ...]
    waiting: tuple[Mitigation, ...]
    spent: Mapping[str, Bill]
    total: Bill
    models: tuple[ModelCost, ...]

    @property
    def suspects(self) -> tuple[str, ...]:
        """The services that a person may mean, the alarmed ones first."""
        considered = (h.entity for i in self.file.investigations for h in i.hypotheses)
        return tuple(dict.fromkeys((*self.file.incident.services, *considered)))

    @property
    def live(self) -> bool:
        """Whether the page may still change by itself."""
        return self.file.incident.closed_at is None


def view(file: IncidentFile, read: Read, now: datetime) -> IncidentView:
    """Put the page together; `read` gives stored evidence with its rows."""
    marks = tuple(_marks(file, read))
    return IncidentView(
        file=file,
        marks=marks,
        charts=tuple(_charts(file, read, marks)),
        waiting=tuple(m for m in file.mitigations if _waits(m, now)),
        spent=stages(file.costs),
        total=bill(file.costs),
        models=model_costs(file.costs),
    )


def ranked(investigation: Investigation) -> list[Hypothesis]:
    """Hypotheses with the accepted and leading ones first, then by confidence."""
    first = (HypothesisState.ACCEPTED, HypothesisState.LEADING)
    return sorted(investigation.hypotheses, key=lambda h: (h.state not in first, -h.confidence, h.id))


def _waits(mitigation: Mitigation, now: datetime) -> bool:
    return mitigation.state is MitigationState.PROPOSED and now < mitigation.expires_at


def _marks(file: IncidentFile, read: Read) -> Iterator[Mark]:
    incident = file.incident
    happened = [
        *((at, "change", text) for at, text in _changes(file, read)),
        *((m.executed_at.timestamp(), "action", str(m.action)) for m in file.mitigations if m.executed_at),
    ]
    onset = incident.onset_at or next((_onset(i) for i in reversed(file.investigations) if i.onset), None)
    if onset is not None:
        happened.append((onset.timestamp(), "onset", "the symptom begins"))
    if incident.recovered_at is not None:
        happened.append((incident.recovered_at.timestamp(), "recovery", "the symptom is gone"))
    for letter, (at, kind, text) in zip(ascii_uppercase, sorted(happened), strict=False):
        yield Mark(letter=letter, kind=kind, at=at, text=text)


def _onset(investigation: Investigation) -> datetime | None:
    if investigation.onset is None:
        return None
    return datetime.fromtimestamp(investigation.onset, tz=investigation.started_at.tzinfo)


def _changes(file: IncidentFile, read: Read) -> list[tuple[float, str]]:
    """The newest changes that investigations looked at, each once."""
    found: dict[str, tuple[float, str]] = {}
    for evidence in file.evidence:
        if evidence.expression == _CHANGES:
            for row in read(evidence.id)[1]:
                found[row.text] = (row.time, _change(row))
    return sorted(found.values())[-MOST_CHANGES:]


def _change(row: Row) -> str:
    try:
        title = json.loads(row.text).get("title", "")
    except (ValueError, AttributeError):
        title = row.text
    return f"{row.subject} of {row.entity or 'an unnamed service'}: {str(title)[:120]}"


def _charts(file: IncidentFile, read: Read, marks: Sequence[Mark]) -> Iterator[Chart]:
    drawn = 0
    for series in _series(file, read):
        chart = draw(series, marks)
        if chart is not None and drawn < MOST_CHARTS:
            drawn += 1
            yield chart


def _series(file: IncidentFile, read: Read) -> Iterator[Series]:
    """The series that the findings cite, those of the best hypothesis first, then those of the judgment."""
    seen: set[tuple[str, str]] = set()
    for reading in _readings(file):
        if (reading.entity, reading.subject) not in seen:
            seen.add((reading.entity, reading.subject))
            yield _cited(reading, read)
    cited = {reading.evidence_id for reading in _readings(file)}
    stored = {evidence.id for evidence in file.evidence}
    for verification in file.verifications.values():
        for evidence_id in dict.fromkeys(verification.evidence_ids):
            if evidence_id in stored - cited:
                yield from _judged(evidence_id, read)


def _readings(file: IncidentFile) -> Iterable[Reading]:
    hypotheses = [h for i in reversed(file.investigations) for h in ranked(i)]
    claims = (c for h in hypotheses for c in sorted(h.claims_for, key=lambda c: -c.points))
    return (reading for claim in claims for reading in claim.readings)


def _cited(reading: Reading, read: Read) -> Series:
    rows = read(reading.evidence_id)[1]
    mine = (r for r in rows if (r.entity, r.subject) == (reading.entity, reading.subject) and not r.text)
    return Series(
        title=f"{reading.subject} of {reading.entity}",
        evidence_id=reading.evidence_id,
        unit=reading.unit,
        points=tuple((row.time, row.value) for row in mine),
    )


def _judged(evidence_id: str, read: Read) -> Iterator[Series]:
    for series in series_of(*read(evidence_id))[:1]:
        yield replace(series, title=f"check after the action: {series.title}")
