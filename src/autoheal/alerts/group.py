"""Which incident an alert belongs to: by labels, time and who calls whom; a pure decision.

Failures travel from the callee to its callers. So alerts speak of one fault only if one node could explain
them all: a service that alarms and that all the others need, or, for alerts close in time, a silent callee
common to them. A common caller explains nothing, which keeps two faults behind one entry point apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from autoheal.alerts.deduplicate import flaps, lineage
from autoheal.alerts.normalize import UNKNOWN_ENVIRONMENT
from autoheal.alerts.settings import AlertSettings
from autoheal.alerts.topology import Topology
from autoheal.domain.alert import Alert, AlertStatus
from autoheal.domain.alert_group import AlertGroup
from autoheal.domain.incident import Incident, IncidentState, Outcome

IDENTITY_LABELS = frozenset(
    (
        "instance",
        "pod",
        "host",
        "hostname",
        "node",
        "nodename",
        "container_id",
        "database",
        "db",
        "pool",
        "queue",
        "topic",
        "server",
    )
)
"""Labels of which an equal value means the same thing."""

_MEMBERS_SEEN = 20
_OVER = frozenset({IncidentState.MITIGATED, IncidentState.DISMISSED, IncidentState.CLOSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A group that an alert might join, with its incident; `recall` gives the members it is asked for.

    Members are read only where the decision hangs on them, for in a storm reading them all is what costs.
    """

    group: AlertGroup
    incident: Incident
    recall: Callable[[Sequence[str]], Sequence[Alert]]

    @property
    def latest(self) -> Sequence[Alert]:
        """The members that were seen last."""
        return self.recall(self.group.occurrences[-_MEMBERS_SEEN:])

    @property
    def over(self) -> bool:
        """Whether nobody works on the incident any more: not we, and not a person."""
        return self.incident.state in _OVER

    @property
    def over_since(self) -> datetime:
        """When the fault ended, as far as anyone noted it."""
        noted = (self.incident.mitigated_at, self.incident.recovered_at, self.incident.closed_at)
        return max((moment for moment in noted if moment is not None), default=self.group.last_at)

    @property
    def hurt(self) -> frozenset[str]:
        """Services that alarm, and the one that was found to be the cause."""
        cause = (self.incident.service,) if self.incident.service else ()
        return frozenset((*self.group.services, *cause))


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """The group an alert joins, and why; a lower rank is a stronger reason, the gap is in seconds."""

    candidate: Candidate
    because: str
    rank: int
    gap: float


def place(
    alert: Alert, candidates: Iterable[Candidate], topology: Topology, settings: AlertSettings
) -> Placement | None:
    """The best group for the alert, or None when it speaks of a fault that no group speaks of."""
    near = (candidate for candidate in candidates if _same_environment(alert, candidate.group))
    found = (_reason(alert, candidate, topology, settings) for candidate in near)
    fitting = [placement for placement in found if placement is not None]
    return min(fitting, key=lambda p: (p.rank, p.gap, p.candidate.group.id), default=None)


def admit(group: AlertGroup, members: Sequence[Alert], topology: Topology) -> AlertGroup:
    """The group with these alerts added or brought up to date."""
    occurrences = tuple(dict.fromkeys((*group.occurrences, *(a.occurrence for a in members))))
    changed = {alert.occurrence: alert.status for alert in members}
    firing = [key for key in group.firing if changed.get(key) is not AlertStatus.RESOLVED]
    firing += [a.occurrence for a in members if a.status is AlertStatus.FIRING]
    named = (alert.service for alert in members)
    services = tuple(dict.fromkeys((*group.services, *(name for name in named if name is not None))))
    moments = [moment for a in members for moment in (a.starts_at, a.ends_at) if moment is not None]
    return replace(
        group,
        severity=min((group.severity, *(a.severity for a in members)), key=lambda s: s.rank),
        services=services,
        occurrences=occurrences,
        firing=tuple(dict.fromkeys(firing)),
        first_at=min((group.first_at, *(a.starts_at for a in members))),
        last_at=max((group.last_at, *moments)),
        flap_count=max(group.flap_count, flaps(occurrences)),
        origin=topology.origin(services) if len(services) > 1 else None,
    )


def held(candidate: Candidate, now: datetime, settings: AlertSettings) -> tuple[str, ...]:
    """Occurrences that fire on although their incident is over: no flap, but a fault nobody works on.

    The wait doubles with each flap, up to eight times, so that an alert that never clears does not start an
    investigation again and again; what was judged to be noise needs a new occurrence.
    """
    if not candidate.over:
        return ()
    wait = settings.hold_seconds * 2 ** min(candidate.group.flap_count, 3)
    over_since = candidate.over_since
    judged_noise = candidate.incident.outcome is Outcome.NOISE

    def holds(member: Alert) -> bool:
        began = max(member.starts_at, over_since)
        known_noise = judged_noise and member.starts_at <= over_since
        return not known_noise and (now - began).total_seconds() > wait

    return tuple(a.occurrence for a in candidate.recall(candidate.group.firing) if holds(a))


def _reason(
    alert: Alert, candidate: Candidate, topology: Topology, settings: AlertSettings
) -> Placement | None:
    gap = _gap(alert.starts_at, candidate.group)
    if candidate.over:
        rank, because = _after(alert, candidate, settings)
    elif any(key.startswith(lineage(alert)) for key in candidate.group.occurrences):
        rank, because = 0, "it fired before in this incident"
    else:
        rank, because = _during(alert, candidate, topology, settings)
    return Placement(candidate=candidate, because=because, rank=rank, gap=gap) if because else None


def _after(alert: Alert, candidate: Candidate, settings: AlertSettings) -> tuple[int, str]:
    """What ties an alert to an incident that is over: it flaps, or it follows our own action."""
    since = max(candidate.over_since, candidate.group.last_at)
    quiet = (alert.starts_at - since).total_seconds()
    if any(key.startswith(lineage(alert)) for key in candidate.group.occurrences):
        return (1, "it fires again soon after recovery") if quiet <= settings.flap_seconds else (0, "")
    acted = candidate.incident.mitigated_at
    if acted is None or candidate.incident.outcome is Outcome.NOISE or alert.service not in candidate.hurt:
        return 0, ""
    follows = (alert.starts_at - acted).total_seconds() <= settings.aftermath_seconds
    return (5, "its service was mitigated just before") if follows else (0, "")


def _during(
    alert: Alert, candidate: Candidate, topology: Topology, settings: AlertSettings
) -> tuple[int, str]:
    """What ties an alert to an incident that somebody works on."""
    gap = _gap(alert.starts_at, candidate.group)
    near = gap <= settings.join_seconds
    active = candidate.incident.state is not IncidentState.ESCALATED
    if alert.service in candidate.hurt and (active or near):
        return 1, "the incident is on its service"
    if not near:
        return 0, ""
    if alert.service is None or not candidate.group.services:
        return _by_labels(alert, candidate)
    return _by_calls(alert, candidate, topology, gap <= settings.sibling_seconds)


def _by_calls(alert: Alert, candidate: Candidate, topology: Topology, together: bool) -> tuple[int, str]:  # noqa: FBT001  a pure answer, named at its only call
    """One node that all the alarming services need or are; a silent one must have them alarm together."""
    services = frozenset((*candidate.group.services, alert.service or ""))
    shared = topology.common(services)
    alarming = sorted(shared.keys() & (candidate.hurt | services))
    if alarming:
        return 2, f"{alarming[0]} could explain both"
    if not shared:
        return 0, ""
    if together or any(member.name == alert.name for member in candidate.latest):
        nearest = min(shared, key=lambda node: (shared[node], node))
        return 4, f"they alarm together and all need {nearest}"
    return 0, ""


def _by_labels(alert: Alert, candidate: Candidate) -> tuple[int, str]:
    """Without a service on both sides: the same thing named by a label, or the same nameless alert."""
    mine = _identity(alert)
    for member in candidate.latest:
        shared = mine & _identity(member)
        if shared:
            label, value = min(shared)
            return 3, f"both name {label} {value}"
    nameless = alert.service is None and not candidate.group.services
    if nameless and any(member.name == alert.name for member in candidate.latest):
        return 3, "the same alert, with no known service"
    return 0, ""


def _identity(alert: Alert) -> frozenset[tuple[str, str]]:
    return frozenset((k, v) for k, v in alert.labels.items() if k in IDENTITY_LABELS and v)


def _gap(moment: datetime, group: AlertGroup) -> float:
    """Seconds outside the time in which the group alarmed; 0 within."""
    before = (group.first_at - moment).total_seconds()
    after = (moment - group.last_at).total_seconds()
    return max(before, after, 0.0)


def _same_environment(alert: Alert, group: AlertGroup) -> bool:
    return (
        UNKNOWN_ENVIRONMENT in (alert.environment, group.environment)
        or alert.environment == group.environment
    )
