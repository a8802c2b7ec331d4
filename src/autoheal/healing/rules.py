"""The alerting rules as they run now, or none where nobody can say."""

from __future__ import annotations

from autoheal.domain.errors import WorldError
from autoheal.healing.responder import Responder
from autoheal.ports.telemetry import AlertRule


def rules_now(responder: Responder) -> dict[str, AlertRule]:
    """By name; empty where the backend does not answer: an alert's own words must do then."""
    try:
        return {rule.name: rule for rule in responder.gatherer.sources.metrics.alert_rules()}
    except WorldError:
        return {}


def expressions_now(responder: Responder) -> dict[str, str]:
    """The expressions of the alerting rules by name."""
    return {name: rule.expression for name, rule in rules_now(responder).items()}
