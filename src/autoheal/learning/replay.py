"""A skill run on the recorded evidence of an incident instead of on production."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from autoheal.domain.change import ChangeKind
from autoheal.domain.evidence import Evidence, NoData
from autoheal.domain.skill import Skill, Trust
from autoheal.graph.matchers import labels_of
from autoheal.healing.changes import change_from
from autoheal.healing.gather import Gathered
from autoheal.healing.recall import NotRecalled, Recalled, Situation, recall
from autoheal.healing.settings import HealingSettings
from autoheal.healing.skill_run import Moment
from autoheal.learning.material import Material


@dataclass(frozen=True, slots=True)
class Recording:
    """Answers questions from what one incident's stages were answered."""

    material: Material

    def range(self, expression: str, *, start: float, end: float, step: float, subject: str = "") -> Gathered:
        """The widest recorded answer to the same expression, inside the window."""
        del step
        found = [
            e for e in self.material.evidence.values() if e.expression == expression and e.start != e.end
        ]
        if not found:
            return _unknown(expression, start, end)
        item = max(found, key=lambda e: (e.usable, e.end - e.start))
        rows = tuple(
            replace(row, subject=subject) for row in self.material.rows[item.id] if start <= row.time <= end
        )
        return Gathered(evidence=item, rows=rows)

    def instant(self, expression: str, *, at: float) -> Gathered:
        """A recorded instant answer to the same expression, at most a minute old."""
        for item in self.material.evidence.values():
            old = at - item.end.timestamp()
            if item.expression == expression and item.start == item.end and 0 <= old <= 60:  # noqa: PLR2004
                return Gathered(evidence=item, rows=tuple(self.material.rows[item.id]))
        return _unknown(expression, at, at)

    def lines(self, *, services: Sequence[str], start: float, end: float, limit: int) -> Gathered | None:
        """The recorded lines of the services."""
        del limit
        expression = "lines of "
        found = [e for e in self.material.evidence.values() if e.expression.startswith(expression)]
        if not found:
            return None
        item = max(found, key=lambda e: (e.usable, e.end - e.start))
        rows = (r for r in self.material.rows[item.id] if r.entity in services and start <= r.time <= end)
        return Gathered(evidence=item, rows=tuple(rows))

    def changes(self, *, start: float, end: float) -> list[Gathered]:
        """The recorded changes of every source."""
        kinds = set(ChangeKind)
        found: list[Gathered] = []
        for item in self.material.evidence.values():
            if item.expression == "changes":
                changes = [change_from(r) for r in self.material.rows[item.id] if r.subject in kinds]
                inside = tuple(change for change in changes if start <= change.time <= end)
                found.append(Gathered(evidence=item, changes=inside))
        return found


def replayed(skill: Skill, material: Material, settings: HealingSettings) -> Recalled | NotRecalled:
    """What the skill would have said when this incident was fresh, had it been trusted."""
    group = material.group
    situation = Situation(
        incident_id=material.incident.id,
        alerts=[labels_of(alert) for alert in material.alerts],
        services=group.services if group else material.incident.services,
        origin=group.origin if group else None,
        signature=material.incident.signature,
        calls=material.calls,
        moment=Moment(alerted=material.alerted, now=material.looked),
    )
    return recall(situation, [replace(skill, trust=Trust.ASSISTED)], Recording(material), settings)


def wrongly_fires(skill: Skill, material: Material, settings: HealingSettings) -> str | None:
    """Why the skill would have been wrong on another incident; None where it stays silent or is right."""
    found = replayed(skill, material, settings)
    if isinstance(found, NotRecalled):
        return None
    cause, helped = material.cause, material.helped
    if cause is not None and cause.entity == found.service:
        if helped is None or helped.action.kind == found.mitigation:
            return None
        return f"{material.incident.id}: it would {found.mitigation}, but {helped.action.kind} helped"
    truth = cause.entity if cause else "no service" if material.noise else "an unknown service"
    return f"{material.incident.id}: it would blame {found.service}, but it was {truth}"


def _unknown(expression: str, start: float, end: float) -> Gathered:
    """A question that nobody asked then has no answer now."""
    begin, finish = (datetime.fromtimestamp(t, tz=UTC) for t in (start, end))
    evidence = Evidence(
        id="unrecorded",
        incident_id="",
        stage="replay",
        source="recording",
        expression=expression,
        start=begin,
        end=finish,
        asked_at=finish,
        seconds=0.0,
        answer=NoData(),
    )
    return Gathered(evidence=evidence)
