"""An alert made fit to keep and show; its delivery is kept as it came, apart."""

from __future__ import annotations

from dataclasses import replace

from autoheal.domain.alert import Alert
from autoheal.policy.untrusted import fit, fit_values

_NAME = 300
_UNNAMED = "unnamed alert"


def fit_alert(alert: Alert) -> Alert:
    """Each text cleaned, masked and capped; the fingerprint stays, for redeliveries are known by it."""
    said = alert.attribution
    service = None if said.service is None else fit(said.service, _NAME)
    return replace(
        alert,
        name=fit(alert.name, _NAME).strip() or _UNNAMED,
        original_severity=fit(alert.original_severity, _NAME),
        attribution=replace(said, service=service),
        environment=fit(alert.environment, _NAME),
        summary=fit(alert.summary),
        expression=fit(alert.expression),
        labels=fit_values(alert.labels),
        annotations=fit_values(alert.annotations),
    )
