"""What a closed incident left behind, read once from the stores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from autoheal.domain.alert import Alert
from autoheal.domain.alert_group import AlertGroup
from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.errors import NotFoundError
from autoheal.domain.evidence import Claim, Evidence, Reading, Row, Statistic
from autoheal.domain.incident import Incident
from autoheal.domain.investigation import Hypothesis, Investigation, VerdictKind
from autoheal.domain.mitigation import Mitigation, MitigationState
from autoheal.graph.signature import failure_family
from autoheal.healing.changes import change_of
from autoheal.learning.lessons import Lessons
from autoheal.ports.stores import IncidentStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """One incident with its alerts, its last investigation, its culprit and all stored evidence."""

    incident: Incident
    group: AlertGroup | None
    alerts: tuple[Alert, ...]
    investigation: Investigation | None
    culprit: Change | None
    mitigations: tuple[Mitigation, ...]
    evidence: Mapping[str, Evidence]
    rows: Mapping[str, Sequence[Row]] = field(repr=False)

    @property
    def cause(self) -> Hypothesis | None:
        """The hypothesis that the last verdict names."""
        return self.investigation.leading if self.investigation else None

    @property
    def noise(self) -> bool:
        """Whether the last verdict is that there was no fault."""
        found = self.investigation
        return found is not None and found.verdict.kind is VerdictKind.NOISE

    @property
    def helped(self) -> Mitigation | None:
        """The mitigation that was verified."""
        return next((m for m in self.mitigations if m.state is MitigationState.VERIFIED), None)

    @property
    def alerted(self) -> float:
        """When the first alert began, in unix seconds."""
        return (self.incident.detected_at or self.incident.opened_at).timestamp()

    @property
    def ended(self) -> float:
        """When it was over, in unix seconds."""
        incident = self.incident
        moments = (incident.recovered_at, incident.closed_at, incident.opened_at)
        return next(m for m in moments if m is not None).timestamp()

    @property
    def looked(self) -> float:
        """When the last evidence before acting was read: what a skill would have seen."""
        acted = [m.executed_at.timestamp() for m in self.mitigations if m.executed_at]
        until = min(acted, default=self.ended)
        # Rechecks while a person thought about the answer looked at the symptom alone.
        looks = [e for e in self.evidence.values() if e.stage in _LOOKS]
        ends = [e.end.timestamp() for e in looks if e.asked_at.timestamp() <= until]
        return max(ends, default=self.alerted)

    @property
    def calls(self) -> tuple[tuple[str, str], ...]:
        """Who called whom, as the stored topology says."""
        found = (i for i, e in self.evidence.items() if e.expression == "service dependencies")
        return tuple(dict.fromkeys((row.entity, row.subject) for i in found for row in self.rows[i]))


_LOOKS = frozenset({"recall", "investigate", "review"})
"""Stages that look at the cause."""


class StoredRows(Mapping[str, Sequence[Row]]):
    """Rows by evidence id, read when they are first asked for: most are never looked at."""

    def __init__(self, incidents: IncidentStore, ids: Sequence[str]) -> None:
        self._incidents = incidents
        self._ids = tuple(ids)
        self._read: dict[str, Sequence[Row]] = {}

    def __getitem__(self, evidence_id: str) -> Sequence[Row]:
        if evidence_id not in self._ids:
            raise KeyError(evidence_id)
        if evidence_id not in self._read:
            self._read[evidence_id] = self._incidents.rows(evidence_id)
        return self._read[evidence_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)


def material_of(lessons: Lessons, incident_id: str) -> Material:
    """Read the incident; raises NotFoundError."""
    incidents = lessons.incidents
    incident = incidents.get(incident_id)
    group = _group(lessons, incident_id)
    found = (lessons.alerts.occurrence(key) for key in (group.occurrences if group else ()))
    investigations = incidents.investigations(incident_id)
    last = investigations[-1] if investigations else None
    cause = last.leading if last else None
    asked = incidents.evidence_of(incident_id)
    return Material(
        incident=incident,
        group=group,
        alerts=tuple(alert for alert in found if alert is not None),
        investigation=last,
        culprit=change_of(incidents, incident_id, cause.change_id if cause else None),
        mitigations=tuple(lessons.mitigations.of_incident(incident_id)),
        evidence={item.id: item for item in asked},
        rows=StoredRows(incidents, [item.id for item in asked]),
    )


def past(lessons: Lessons, material: Material) -> list[Material]:
    """Other incidents, newest first, as far as a proposal is held against them."""
    listed = lessons.incidents.list(limit=lessons.settings.past_incidents + 1)
    others = [incident.id for incident in listed if incident.id != material.incident.id]
    return [material_of(lessons, other) for other in others]


def _group(lessons: Lessons, incident_id: str) -> AlertGroup | None:
    try:
        return lessons.alerts.group_of_incident(incident_id)
    except NotFoundError:
        return None


def family_of(material: Material) -> str:
    """The failure family: how it fails, and by which kind of change, if any."""
    if material.incident.family or material.cause is None:
        return material.incident.family
    return failure_family(material.cause, material.culprit)


def change_kind(culprit: Change | None) -> str:
    """The kind of change as production sees it: a commit takes effect by its deploy."""
    if culprit is None:
        return ""
    return ChangeKind.DEPLOY.value if culprit.kind is ChangeKind.COMMIT else culprit.kind.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A metric of the culprit that moved: the query behind it, and its value before and after."""

    subject: str
    expression: str
    evidence_id: str
    entity: str
    before: float
    after: float
    points: float
    spread: int

    @property
    def rises(self) -> bool:
        """Whether the fault raised it."""
        return self.after > self.before

    @property
    def factor(self) -> float:
        """How many times larger the larger one is; infinite from zero."""
        low, high = sorted((abs(self.before), abs(self.after)))
        return high / low if low > 0 else float("inf")


CLEAR = 1.5
"""A metric that moved by less than this factor tells no failure: clocks and counters of memory drift."""


def signals(material: Material) -> list[Signal]:
    """Metrics that the verdict rests on and that moved clearly, heaviest first, with the query of each."""
    cause = material.cause
    found = [
        s for claim in (cause.claims_for if cause else ()) if (s := _signal(claim, material)) is not None
    ]
    clear = [signal for signal in reversed(found) if signal.factor >= CLEAR and _telling(signal)]
    unique = {signal.expression: signal for signal in clear}
    return sorted(unique.values(), key=lambda s: (-min(s.spread, 2), -s.points))


def _telling(signal: Signal) -> bool:
    """A value that fell is a symptom only where the service vanished: else it tells of a mere restart."""
    return signal.rises or signal.subject == "up"


def _signal(claim: Claim, material: Material) -> Signal | None:
    readings = [r for r in claim.readings if _of_metric(r, material)]
    if not readings:
        return None
    after = readings[-1]
    before = readings[0].value if len(readings) > 1 else _earlier(after, material)
    if before is None or before == after.value:
        return None
    rows = material.rows[after.evidence_id]
    return Signal(
        subject=after.subject,
        expression=material.evidence[after.evidence_id].expression,
        evidence_id=after.evidence_id,
        entity=after.entity,
        before=before,
        after=after.value,
        points=claim.points,
        spread=len({row.entity for row in rows}),
    )


def _of_metric(reading: Reading, material: Material) -> bool:
    """Whether a range query of the metrics backend is cited: logs, spans and changes bear other words."""
    cited = material.evidence.get(reading.evidence_id)
    if cited is None or cited.start == cited.end or reading.statistic is Statistic.COUNT:
        return False
    words = ("lines of ", "spans of ", "service dependencies", "changes")
    return not cited.expression.startswith(words)


def _earlier(reading: Reading, material: Material) -> float | None:
    onset = material.investigation.onset if material.investigation else None
    start = material.evidence[reading.evidence_id].start.timestamp()
    quiet = Reading(
        evidence_id=reading.evidence_id,
        entity=reading.entity,
        subject=reading.subject,
        statistic=Statistic.MEDIAN,
        start=start,
        end=min(onset or material.alerted, material.alerted),
        value=0.0,
    )
    return quiet.recompute(material.rows[reading.evidence_id])
