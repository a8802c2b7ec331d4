"""The thin step around grouping: alerts become occurrences, groups and incidents within one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from autoheal.alerts.attribute import KnownNames, attribute
from autoheal.alerts.deduplicate import end, lineage, merge, pin, starts
from autoheal.alerts.group import Candidate, Placement, admit, held, place
from autoheal.alerts.normalize import UNKNOWN_ENVIRONMENT
from autoheal.alerts.settings import AlertSettings
from autoheal.alerts.topology import Topology, topology_of
from autoheal.domain.alert import Alert, AlertStatus
from autoheal.domain.alert_group import AlertGroup
from autoheal.domain.incident import Incident, IncidentState, TimelineEntry
from autoheal.ports.machine import Ids
from autoheal.ports.stores import AlertStore, GraphStore, IncidentStore

_MOST_NOTES = 100
_TITLE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Seating:
    """Seats alerts; `now` is when the delivery came. Intake owns the groups, healing owns open incidents.

    One seating serves one transaction: `room` holds the groups as it read and changed them.
    """

    alerts: AlertStore
    incidents: IncidentStore
    graph: GraphStore
    ids: Ids
    settings: AlertSettings
    environment: str
    now: datetime
    room: dict[str, Candidate] = field(default_factory=dict)
    changed: dict[str, bool] = field(default_factory=dict)

    def seat_all(self, alerts: Sequence[Alert]) -> list[Candidate]:
        """Take in the alerts of one delivery, the worst first, for it names the incident.

        Returns the groups that are new, and those in which nothing fires any more.
        """
        self._enter()
        topology, known = topology_of(self.graph), KnownNames(self.graph)
        for alert in sorted(alerts, key=lambda a: (a.severity.rank, a.starts_at, a.occurrence)):
            self._take(self._complete(alert, known), topology)
        self._leave()
        changed = [(self.room[key], new) for key, new in self.changed.items()]
        return [candidate for candidate, new in changed if new or not candidate.group.firing]

    def reopen_held(self) -> list[str]:
        """Open new incidents for alerts that fire on after theirs was over; returns their ids."""
        self._enter()
        waiting = {c.group.id: held(c, self.now, self.settings) for c in self.room.values()}
        topology = topology_of(self.graph) if any(waiting.values()) else Topology(callees={})
        opened = [self._reopen(self.room[key], keys, topology) for key, keys in waiting.items() if keys]
        self._leave()
        return opened

    def _enter(self) -> None:
        """Read open groups, and those whose incident closed so recently that an alert may belong to it."""
        newest = {incident.id: incident for incident in self.incidents.list(limit=self.settings.recent)}
        groups = list(self.alerts.open_groups())
        for incident in newest.values():
            if incident.state is IncidentState.CLOSED:
                group = self.alerts.group_of_incident(incident.id)
                if group.firing or self._recent(group, incident):
                    groups.append(group)
        for group in groups:
            incident = newest.get(group.incident_id) or self.incidents.get(group.incident_id)
            self.room[group.id] = Candidate(group=group, incident=incident, recall=self._recall)

    def _leave(self) -> None:
        """Store what changed, each group once however many of its alerts came."""
        for group_id in self.changed:
            self.alerts.save_group(self.room[group_id].group)

    def _recent(self, group: AlertGroup, incident: Incident) -> bool:
        memory = timedelta(seconds=max(self.settings.flap_seconds, self.settings.aftermath_seconds))
        return max(group.last_at, incident.closed_at or group.last_at) >= self.now - memory

    def _recall(self, keys: Sequence[str]) -> list[Alert]:
        found = (self.alerts.occurrence(key) for key in keys)
        return [member for member in found if member is not None]

    def _save(self, candidate: Candidate, group: AlertGroup) -> None:
        """Remember a changed group, and whether it is new."""
        known = self.room.get(group.id)
        self.room[group.id] = replace(candidate, group=group)
        self.changed[group.id] = self.changed.get(group.id, known is None)

    def _complete(self, alert: Alert, known: KnownNames) -> Alert:
        attributed = replace(alert, attribution=attribute(alert, known))
        if alert.environment == UNKNOWN_ENVIRONMENT:
            attributed = replace(attributed, environment=self.environment)
        return attributed

    def _take(self, delivered: Alert, topology: Topology) -> None:
        """Bring the occurrence up to date, and with it the group it is in or belongs to."""
        candidates = list(self.room.values())
        firing = (key for candidate in candidates for key in candidate.group.firing)
        pinned = pin(delivered, firing, self.now)
        known = self.alerts.occurrence(pinned.occurrence)
        merged = merge(known, pinned, received_at=self.now, reorder_seconds=self.settings.reorder_seconds)
        merged = self._outlived(merged, candidates)
        self.alerts.save_alert(merged)
        homes = candidates if known is not None else ()
        home = next((c for c in homes if merged.occurrence in c.group.occurrences), None)
        if home is not None:
            self._update(home, merged, known, topology)
        else:
            self._seat(merged, candidates, topology)

    def _outlived(self, alert: Alert, candidates: Iterable[Candidate]) -> Alert:
        """An occurrence whose younger sibling is known has ended, even if its resolve was lost."""
        keys = (key for candidate in candidates for key in candidate.group.occurrences)
        younger = [start for start in starts(alert, keys) if start > alert.starts_at]
        return end(alert, min(younger)) if younger else alert

    def _update(self, home: Candidate, alert: Alert, known: Alert | None, topology: Topology) -> None:
        self._save(home, admit(home.group, [alert], topology))
        if known is not None and known.status is not alert.status:
            self._note(home.incident.id, alert, "")

    def _seat(self, alert: Alert, candidates: Sequence[Candidate], topology: Topology) -> None:
        placement = place(alert, candidates, topology, self.settings)
        if placement is not None:
            self._join(placement, alert, topology)
        elif alert.status is AlertStatus.FIRING:
            self._open([alert], topology)

    def _join(self, placement: Placement, alert: Alert, topology: Topology) -> None:
        group = placement.candidate.group
        if alert.status is AlertStatus.RESOLVED and not _same_alert(alert, group):
            return  # over before it began, and only related: nothing hangs on it
        elders = [end(elder, alert.starts_at) for elder in self._elders(alert, group)]
        for elder in elders:
            self.alerts.save_alert(elder)
        self._save(placement.candidate, admit(group, [*elders, alert], topology))
        if len(group.occurrences) < _MOST_NOTES:  # a storm must not bury the rest of the timeline
            self._note(group.incident_id, alert, placement.because)

    def _elders(self, alert: Alert, group: AlertGroup) -> list[Alert]:
        keys = (key for key in group.firing if key.startswith(lineage(alert)))
        return [elder for elder in self._recall(list(keys)) if elder.starts_at < alert.starts_at]

    def _reopen(self, candidate: Candidate, keys: Sequence[str], topology: Topology) -> str:
        left = tuple(key for key in candidate.group.firing if key not in keys)
        self._save(candidate, replace(candidate.group, firing=left))
        members = self._recall(keys)
        others = [c for c in self.room.values() if c.group.id != candidate.group.id]
        elsewhere = place(members[0], others, topology, self.settings)
        if elsewhere is not None:
            # Meanwhile another incident began that explains it: one fault, one investigation.
            for member in members:
                self._join(elsewhere, member, topology)
            return elsewhere.candidate.incident.id
        opened = self._open(members, topology, flap_count=candidate.group.flap_count + 1)
        text = f"still firing after {candidate.incident.id} ended: a new incident was opened"
        self.incidents.add_timeline(opened, _entry(self.now, text, "intake"))
        return opened

    def _open(self, members: Sequence[Alert], topology: Topology, *, flap_count: int = 0) -> str:
        """A new incident with its group; healing starts once this transaction is committed."""
        first = min(members, key=lambda member: (member.severity.rank, member.starts_at))
        incident_id = self.ids.new("inc")
        group = AlertGroup(
            id=self.ids.new("grp"),
            incident_id=incident_id,
            environment=first.environment,
            severity=first.severity,
            services=(),
            occurrences=(),
            firing=(),
            first_at=first.starts_at,
            last_at=first.starts_at,
            flap_count=flap_count,
        )
        group = admit(group, members, topology)
        incident = _incident(incident_id, first, group, self.now)
        self.incidents.save(incident)
        self._save(Candidate(group=group, incident=incident, recall=self._recall), group)
        for member in members:
            self._note(incident_id, member, "")
        return incident_id

    def _note(self, incident_id: str, alert: Alert, because: str) -> None:
        at = alert.starts_at if alert.status is AlertStatus.FIRING else alert.ends_at or self.now
        self.incidents.add_timeline(incident_id, _entry(at, _sentence(alert, because), alert.source))


def _same_alert(alert: Alert, group: AlertGroup) -> bool:
    return any(key.startswith(lineage(alert)) for key in group.occurrences)


def _incident(incident_id: str, first: Alert, group: AlertGroup, now: datetime) -> Incident:
    where = f" on {first.service}" if first.service else ""
    return Incident(
        id=incident_id,
        title=f"{first.name}{where}"[:_TITLE],
        environment=group.environment,
        severity=group.severity,
        state=IncidentState.OPEN,
        opened_at=now,
        services=group.services,
        detected_at=group.first_at,
    )


def _sentence(alert: Alert, because: str) -> str:
    verb = "fires" if alert.status is AlertStatus.FIRING else "is resolved"
    known = alert.attribution
    where = f"on {known.service} ({known.method}, {known.confidence:.0%} sure)" if known.service else ""
    truncated = alert.annotations.get("truncated_alerts")
    missing = f"{truncated} more alerts were left out of this delivery" if truncated else ""
    parts = (f"{alert.name} {verb}", where, f"[{alert.severity}]")
    joined = f"joins because {because}" if because else ""
    return "; ".join(part for part in (" ".join(p for p in parts if p), joined, missing) if part)


def _entry(at: datetime, text: str, actor: str) -> TimelineEntry:
    return TimelineEntry(at=at, kind="symptom", text=text, actor=actor)
