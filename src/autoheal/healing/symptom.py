"""What hurts, as an expression that is true while it hurts: frozen from the alert before anything is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from autoheal.domain.alert import Alert
from autoheal.domain.mitigation import Check
from autoheal.healing.responder import Responder
from autoheal.healing.triage import alerts_of
from autoheal.healing.verify import look


def check_of(responder: Responder, incident_id: str) -> Check:
    """All alerts of the incident's group as one check; an alert without expression is asked for by name."""
    group = responder.alerts.group_of_incident(incident_id)
    rules = {rule.name: rule.expression for rule in responder.gatherer.sources.metrics.alert_rules()}
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


def earliest_onset(responder: Responder, incident_id: str) -> float | None:
    """A moment before which this fault cannot have begun: some rate windows before its symptom first showed.

    Nothing is said when the symptom showed all along, or never: then history must tell by itself.
    """
    settings = responder.settings
    incident = responder.incidents.get(incident_id)
    detected = (incident.detected_at or incident.opened_at).timestamp()
    since = detected - settings.baseline_seconds
    gatherer = responder.gatherer.for_stage(incident_id, "recheck")
    check = check_of(responder, incident_id)
    now = responder.clock.now().timestamp()
    seen = look(gatherer, check, since=since, now=now, label=settings.entity_label)
    began = first_of_last_run(seen.sick_at, gap=_RUN_GAPS * max((now - since) / 100, 1.0))
    if began is None or began - since < settings.rate_window_seconds:
        return None
    return began - max(_WINDOWS_BEFORE * settings.rate_window_seconds, _LEAST_BEFORE_SECONDS)


_RUN_GAPS = 4
_WINDOWS_BEFORE = 2
_LEAST_BEFORE_SECONDS = 10.0


def first_of_last_run(times: Sequence[float], *, gap: float) -> float | None:
    """The first of the samples that lead to the last one without a longer gap between them."""
    began = None
    for later in reversed(times):
        if began is not None and began - later > gap:
            break
        began = later
    return began


def expression_of(alert: Alert, rules: Mapping[str, str]) -> str:
    """The rule that runs now, else what the alert carries, else the alert's own state."""
    if alert.name in rules:
        return rules[alert.name]
    if alert.expression:
        return alert.expression
    return f'ALERTS{{alertname="{_quoted(alert.name)}",alertstate="firing"}}'


def _quoted(text: str) -> str:
    """A label value inside a PromQL string: alerts are written by others."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
