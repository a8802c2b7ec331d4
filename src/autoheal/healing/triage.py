"""How bad is it, whom does it touch: severity, impact and the services around the alerts."""

from __future__ import annotations

from dataclasses import replace

from autoheal.domain.alert import Alert
from autoheal.domain.alert_group import AlertGroup
from autoheal.domain.incident import IncidentEvent, IncidentState
from autoheal.healing.responder import Responder


def triage(responder: Responder, incident_id: str) -> str:
    """Sharpen what intake knew; moves an open incident to investigating and returns its state."""
    incident = responder.incidents.get(incident_id)
    if incident.state is not IncidentState.OPEN:
        return incident.state
    group = responder.alerts.group_of_incident(incident_id)
    alerts = alerts_of(responder, group)
    calls = known_calls(responder, incident_id)
    reached = callers_of(group.services, calls)
    sharpened = replace(
        incident,
        severity=min((a.severity for a in alerts), key=lambda s: s.rank, default=incident.severity),
        services=tuple(dict.fromkeys((*group.services, *reached))),
        impact=impact_of(group, reached),
        detected_at=min((a.starts_at for a in alerts), default=incident.opened_at),
        first_query_at=responder.clock.now(),
    )
    responder.note(incident_id, "decision", f"triage: {sharpened.severity}, {sharpened.impact}")
    return responder.move(sharpened, IncidentEvent.INVESTIGATE).state


def alerts_of(responder: Responder, group: AlertGroup) -> list[Alert]:
    """The stored occurrences of a group."""
    found = (responder.alerts.occurrence(key) for key in group.occurrences)
    return [alert for alert in found if alert is not None]


def known_calls(responder: Responder, incident_id: str) -> tuple[tuple[str, str], ...]:
    """Who calls whom, as the traces of the last while tell."""
    now = responder.clock.now().timestamp()
    gatherer = responder.gatherer.for_stage(incident_id, "triage")
    gathered = gatherer.calls(end=now, lookback=responder.settings.baseline_seconds)
    return gathered.calls if gathered is not None else ()


def callers_of(services: tuple[str, ...], calls: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Everyone whose requests pass through the services, nearest first."""
    reached: list[str] = []
    frontier = list(services)
    while frontier:
        callee = frontier.pop(0)
        new = [a for a, b in calls if b == callee and a not in reached and a not in services]
        reached += new
        frontier += new
    return tuple(dict.fromkeys(reached))


def impact_of(group: AlertGroup, reached: tuple[str, ...]) -> str:
    """One line that a person understands."""
    hurt = ", ".join(group.services) or "a service not yet known"
    through = f"; requests from {', '.join(reached)} pass through it" if reached else ""
    return f"{len(group.firing)} alert(s) on {hurt}{through}"
