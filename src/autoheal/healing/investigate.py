"""Find the cause: collect evidence, let the engine rank, conclude, and record the trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from autoheal.diagnosis.engine import diagnose
from autoheal.diagnosis.finding import Diagnosis
from autoheal.diagnosis.telemetry import Telemetry
from autoheal.domain.incident import Incident, IncidentEvent, IncidentState
from autoheal.domain.investigation import Investigation
from autoheal.healing.bring_back import brought_back
from autoheal.healing.calm import calm_history
from autoheal.healing.collect import collect
from autoheal.healing.conclude import Inquiry, conclude
from autoheal.healing.last_look import RECOVERED, recovered_alone
from autoheal.healing.reach import reach, within
from autoheal.healing.reason import Look, second_opinion
from autoheal.healing.responder import Responder
from autoheal.healing.symptom import recovered, symptom_history
from autoheal.healing.trace import compose, verdict_text

TRACE = "decision_trace"
"""The kind of its record in the audit chain."""


def investigate(responder: Responder, incident_id: str, attempt: int, looked: int) -> str:
    """One look at everything: the verdict's kind, or `recovered` when the symptom went by itself."""
    started_at = responder.clock.now()
    incident = _investigating(responder, incident_id)
    if incident.settled:
        return RECOVERED
    investigation_id = f"{incident_id}.{attempt}.{looked}"
    stored = _stored(responder, incident_id, investigation_id)
    if stored is not None:
        return stored.verdict.kind
    if recovered(responder, incident_id):
        return recovered_alone(responder, incident)
    calm = calm_history(responder, incident)
    history = symptom_history(responder, incident_id, calm)
    collection = collect(responder, incident, calm, onset_after=history.onset_after)
    services = responder.alerts.group_of_incident(incident_id).services
    if responder.record is not None:
        responder.record(incident, collection.telemetry, services)
    diagnosis = rank(collection.telemetry, services)
    inquiry = Inquiry(
        incident_id=incident_id,
        investigation_id=investigation_id,
        services=services,
        collection=collection,
        habit=history.habit,
    )
    found = conclude(responder, inquiry, diagnosis)
    found = second_opinion(responder, Look(inquiry=inquiry, diagnosis=diagnosis, found=found, looked=looked))
    investigation = Investigation(
        id=investigation_id,
        incident_id=incident_id,
        attempt=attempt,
        started_at=started_at,
        ended_at=responder.clock.now(),
        hypotheses=found.hypotheses,
        verdict=found.verdict,
        review=found.review,
        onset=diagnosis.onset,
        path=found.path,
    )
    keep(responder, investigation)
    return found.verdict.kind


def rank(telemetry: Telemetry, services: Sequence[str]) -> Diagnosis:
    """What the engine says; where its first place cannot have hurt the alarmed services, judged without such.

    What is disturbed elsewhere at the same time neither explains this alert nor makes it true.
    """
    diagnosis = diagnose(telemetry)
    near = reach(services, telemetry.topology)
    if not near or not telemetry.topology or not diagnosis.ranking or diagnosis.ranking[0].entity in near:
        return diagnosis
    return diagnose(within(telemetry, near))


def keep(responder: Responder, investigation: Investigation) -> None:
    """Store the investigation, its trace and what it says about the incident's times."""
    with responder.whole():
        _keep(responder, investigation)


def _keep(responder: Responder, investigation: Investigation) -> None:
    incident_id = investigation.incident_id
    responder.incidents.save_investigation(investigation)
    trace = compose(
        investigation,
        responder.incidents.evidence_of(incident_id),
        facts=brought_back(responder, incident_id),
    )
    responder.audit.append(incident_id=incident_id, kind=TRACE, actor="autoheal", body=trace)
    leading = investigation.leading
    cited = tuple(i for claim in leading.claims_for for i in claim.evidence_ids) if leading else ()
    sure = f"confidence {investigation.verdict.confidence.value:.2f}"
    doubt = f", NOT REVIEWED: {investigation.unreviewed}" if investigation.unreviewed else ""
    text = f"{verdict_text(investigation)} ({sure}{doubt})"
    responder.note(incident_id, "decision", text, evidence=tuple(dict.fromkeys(cited)))
    incident = responder.incidents.get(incident_id)
    if investigation.onset is not None:
        onset_at = datetime.fromtimestamp(investigation.onset, tz=UTC)
        incident = replace(incident, onset_at=onset_at)
    if leading is not None:
        incident = replace(incident, diagnosed_at=investigation.ended_at)
    responder.incidents.save(incident)


def _investigating(responder: Responder, incident_id: str) -> Incident:
    incident = responder.incidents.get(incident_id)
    waiting = (
        IncidentState.DECIDING,
        IncidentState.AWAITING_APPROVAL,
        IncidentState.VERIFYING,
        IncidentState.MITIGATING,
    )
    if incident.state in waiting:
        incident = responder.move(incident, IncidentEvent.TRY_NEXT)
    return incident


def _stored(responder: Responder, incident_id: str, investigation_id: str) -> Investigation | None:
    found = responder.incidents.investigations(incident_id)
    return next((i for i in found if i.id == investigation_id), None)
