"""The way from telemetry to a diagnosis, in the order of the evidence."""

from __future__ import annotations

from autoheal.diagnosis.finding import Diagnosis, Verdict
from autoheal.diagnosis.telemetry import Telemetry


def diagnose(telemetry: Telemetry) -> Diagnosis:
    """Rank the entities and the changes that could explain what the telemetry shows."""
    return Diagnosis(
        verdict=Verdict.INCONCLUSIVE,
        confidence=0.0,
        reason="no evidence was read",
        ranking=(),
        missing=telemetry.missing,
    )
