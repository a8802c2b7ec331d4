"""What hurts, as an expression that is true while it hurts: frozen from the alert before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autoheal.domain.alert import Alert
from autoheal.healing.responder import Responder
from autoheal.healing.triage import alerts_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """The expression of the alerts that opened the incident, and the services they are about."""

    expression: str
    services: tuple[str, ...]


def symptom_of(responder: Responder, incident_id: str) -> Symptom:
    """All alerts of the incident's group joined; an alert that says no expression is asked for by name."""
    group = responder.alerts.group_of_incident(incident_id)
    rules = {rule.name: rule.expression for rule in responder.gatherer.sources.metrics.alert_rules()}
    alerts = alerts_of(responder, group)
    expressions = dict.fromkeys(expression_of(alert, rules) for alert in alerts)
    return Symptom(expression=" or ".join(f"({e})" for e in expressions), services=group.services)


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
