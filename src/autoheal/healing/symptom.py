"""What hurts, as an expression that is true while it hurts: frozen from the alert before anything is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoheal.domain.alert import Alert
from autoheal.domain.mitigation import Check
from autoheal.healing.calm import CalmHistory
from autoheal.healing.responder import Responder
from autoheal.healing.rules import rules_now
from autoheal.healing.triage import alerts_of
from autoheal.healing.verify import alive, concerns, look, look_step
from autoheal.ports.telemetry import AlertRule


def check_of(responder: Responder, incident_id: str) -> Check:
    """All alerts of the incident's group as one check; an alert without expression is asked for by name."""
    group = responder.alerts.group_of_incident(incident_id)
    rules = rules_now(responder)
    alerts = alerts_of(responder, group)
    expressions = dict.fromkeys(expression_of(alert, rules) for alert in alerts)
    settings = responder.settings
    return Check(
        expression=" or ".join(f"({e})" for e in expressions),
        services=group.services,
        stable_seconds=settings.verify_stable_seconds,
        within_seconds=settings.verify_within_seconds,
        max_age_seconds=settings.max_sample_age_seconds,
    )


def recovered(responder: Responder, incident_id: str) -> bool:
    """Whether the symptom showed and has stayed away since, or every source took its alert back."""
    if not responder.alerts.group_of_incident(incident_id).firing:
        return True
    settings = responder.settings
    incident = responder.incidents.get(incident_id)
    now = responder.clock.now().timestamp()
    since = (incident.detected_at or incident.opened_at).timestamp() - settings.verify_stable_seconds
    check = check_of(responder, incident_id)
    gatherer = responder.gatherer.for_stage(incident_id, "recheck")
    seen = look(gatherer, check, since=since, now=now, label=settings.entity_label)
    if not seen.trusted or not seen.sick_at:
        return False
    return now - seen.sick_at[-1] >= settings.verify_stable_seconds


def unmeasured(responder: Responder, incident_id: str) -> str:
    """Why the symptom cannot be measured just now; empty when it can."""
    settings = responder.settings
    now = responder.clock.now().timestamp()
    gatherer = responder.gatherer.for_stage(incident_id, "recheck")
    check = check_of(responder, incident_id)
    since = now - settings.verify_stable_seconds
    return look(gatherer, check, since=since, now=now, label=settings.entity_label).why_not


@dataclass(frozen=True, slots=True, kw_only=True)
class SymptomHistory:
    """How the symptom behaved before it alerted.

    onset_after is a moment (unix seconds) before which this fault cannot have begun; None when the symptom
    showed all along, or never: then history must tell by itself. habit is the share of the calm time before
    in which the symptom showed though nothing was known to be wrong; 0 where too little of it is known.
    """

    onset_after: float | None
    habit: float


def symptom_history(responder: Responder, incident_id: str, calm: CalmHistory) -> SymptomHistory:
    """Ask the alerts' own conditions over the calm past and until now."""
    settings = responder.settings
    gatherer = responder.gatherer.for_stage(incident_id, "recheck")
    check = check_of(responder, incident_id)
    now = responder.clock.now().timestamp()
    seen = look(gatherer, check, since=calm.start, now=now, label=settings.entity_label)
    began = first_of_last_run(seen.sick_at, gap=_RUN_GAPS * look_step(since=calm.start, now=now))
    window = settings.rate_window_seconds
    onset_after = None
    if began is not None and began - calm.start >= window:
        onset_after = began - max(_WINDOWS_BEFORE * window, _LEAST_BEFORE_SECONDS)
    return SymptomHistory(onset_after=onset_after, habit=_habit(responder, incident_id, calm))


def _habit(responder: Responder, incident_id: str, calm: CalmHistory) -> float:
    """The least habitual alert decides: one rule that holds all along says nothing about the others."""
    alerts = alerts_of(responder, responder.alerts.group_of_incident(incident_id))
    rules = rules_now(responder)
    if not calm.known or len({alert.name for alert in alerts}) > _MOST_RULES:
        return 0.0  # so many rules do not fire together by habit
    return min((_share(responder, incident_id, calm, alert, rules) for alert in alerts), default=0.0)


def _share(
    responder: Responder,
    incident_id: str,
    calm: CalmHistory,
    alert: Alert,
    rules: Mapping[str, AlertRule],
) -> float:
    """Of the calm moments at which the service was seen, the share at which the alert's condition held."""
    settings = responder.settings
    wait = rules[alert.name].for_seconds if alert.name in rules else 0.0
    until = calm.end - wait - _WINDOWS_BEFORE * settings.rate_window_seconds
    if calm.seconds(until=until) < _LEAST_KNOWN * settings.baseline_seconds:
        return 0.0
    services = (alert.service,) if alert.service else ()
    gatherer = responder.gatherer.for_stage(incident_id, "recheck")
    step = look_step(since=calm.start, now=until)
    expression = expression_of(alert, rules)
    condition, seen = (
        {
            row.time
            for row in gatherer.range(asked, start=calm.start, end=until, step=step, subject="habit").rows
            if calm.contains(row.time) and concerns(row, services)
        }
        for asked in (expression, alive(services, settings.entity_label))
    )
    observed = seen | condition
    if len(observed) * step < _LEAST_KNOWN * settings.baseline_seconds:
        return 0.0
    return len(condition) / len(observed)


_MOST_RULES = 4
_RUN_GAPS = 4
_WINDOWS_BEFORE = 2
_LEAST_BEFORE_SECONDS = 10.0
_LEAST_KNOWN = 0.2


def first_of_last_run(times: Sequence[float], *, gap: float) -> float | None:
    """The first of the samples that lead to the last one without a longer gap between them."""
    began = None
    for later in reversed(times):
        if began is not None and began - later > gap:
            break
        began = later
    return began


def expression_of(alert: Alert, rules: Mapping[str, AlertRule]) -> str:
    """The rule that runs now, else what the alert carries, else the alert's own state."""
    if alert.name in rules:
        return rules[alert.name].expression
    if alert.expression:
        return alert.expression
    return f'ALERTS{{alertname="{_quoted(alert.name)}",alertstate="firing"}}'


def _quoted(text: str) -> str:
    """A label value inside a PromQL string: alerts are written by others."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
