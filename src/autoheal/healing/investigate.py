"""Find the cause: collect evidence, let the engine rank, have the finding reviewed, and record the trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from autoheal.diagnosis.engine import diagnose
from autoheal.diagnosis.finding import Diagnosis
from autoheal.diagnosis.telemetry import Telemetry
from autoheal.domain.change import Change
from autoheal.domain.evidence import Evidence, Row
from autoheal.domain.incident import Incident, IncidentEvent, IncidentState
from autoheal.domain.investigation import (
    Confidence,
    Hypothesis,
    HypothesisState,
    Investigation,
    Review,
    Verdict,
    VerdictKind,
)
from autoheal.healing.collect import Collection, collect
from autoheal.healing.hypotheses import Material, hypotheses
from autoheal.healing.last_look import RECOVERED, recovered_alone
from autoheal.healing.reach import reach, within
from autoheal.healing.responder import Responder
from autoheal.healing.review import UnderReview, review
from autoheal.healing.symptom import earliest_onset, recovered
from autoheal.healing.trace import compose, verdict_text


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
    collection = collect(responder, incident, onset_after=earliest_onset(responder, incident_id))
    diagnosis = rank(collection.telemetry, responder.alerts.group_of_incident(incident_id).services)
    found = conclude(responder, incident, collection, diagnosis, investigation_id)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The hypotheses as they stand after review, and what follows."""

    hypotheses: tuple[Hypothesis, ...]
    verdict: Verdict
    review: Review | None
    path: tuple[str, ...]


def conclude(
    responder: Responder,
    incident: Incident,
    collection: Collection,
    diagnosis: Diagnosis,
    investigation_id: str,
) -> Finding:
    """From the engine's answer to a reviewed verdict; what was refuted earlier is not led again."""
    evidence, rows = stored_evidence(responder, incident.id)
    changes = collection.changes
    material = Material(
        investigation_id=investigation_id, changes=changes, evidence=collection.evidence, rows=rows
    )
    candidates = hypotheses(diagnosis, material)
    path = (f"engine: {diagnosis.verdict} ({diagnosis.reason})",)
    said = VerdictKind(diagnosis.verdict.value)
    if said is not VerdictKind.CAUSE or not candidates:
        settled = [_demoted(h, diagnosis.reason) for h in candidates]
        kind = VerdictKind.NOISE if said is VerdictKind.NOISE else VerdictKind.INCONCLUSIVE
        verdict = _no_cause(kind, diagnosis)
        return Finding(hypotheses=tuple(settled), verdict=verdict, review=None, path=path)
    leading = candidates[0]
    case = UnderReview(
        hypothesis=leading,
        evidence=evidence,
        rows=rows,
        change=_named(changes, leading.change_id),
        onset=diagnosis.onset,
        now=responder.clock.now().timestamp(),
        services=responder.alerts.group_of_incident(incident.id).services,
        calls=collection.telemetry.topology,
    )
    checked = review(responder.gatherer.for_stage(incident.id, "review"), case)
    return _reviewed(responder, candidates, checked, diagnosis, path)


def _named(changes: Mapping[str, Change], change_id: str | None) -> Change | None:
    return next((change for change in changes.values() if change.id == change_id), None)


def _reviewed(
    responder: Responder,
    candidates: Sequence[Hypothesis],
    checked: Review,
    diagnosis: Diagnosis,
    path: tuple[str, ...],
) -> Finding:
    leading, *others = candidates
    confidence = Confidence(value=leading.confidence, reason=diagnosis.reason)
    if checked.passed and leading.confidence >= responder.settings.act_confidence:
        accepted = replace(leading, state=HypothesisState.ACCEPTED)
        verdict = Verdict(
            kind=VerdictKind.CAUSE,
            hypothesis_id=leading.id,
            confidence=confidence,
            missing=diagnosis.missing,
        )
        return Finding(hypotheses=(accepted, *others), verdict=verdict, review=checked, path=path)
    refuted = [f"{o.test}: {o.text}" for o in checked.objections if not o.passed]
    doubt = "; ".join(refuted) or f"confidence {leading.confidence:.2f} is too low to act on"
    verdict = Verdict(
        kind=VerdictKind.INCONCLUSIVE,
        hypothesis_id=None,
        confidence=confidence,
        missing=(*diagnosis.missing, doubt),
    )
    return Finding(hypotheses=(_demoted(leading, doubt), *others), verdict=verdict, review=checked, path=path)


def _demoted(hypothesis: Hypothesis, why: str) -> Hypothesis:
    if hypothesis.state is not HypothesisState.LEADING:
        return hypothesis
    return replace(hypothesis, state=HypothesisState.UNTESTED, not_tested_because=why or "nothing stands out")


def _no_cause(kind: VerdictKind, diagnosis: Diagnosis) -> Verdict:
    confidence = Confidence(value=min(max(diagnosis.confidence, 0.0), 1.0), reason=diagnosis.reason)
    missing = diagnosis.missing or (() if kind is VerdictKind.NOISE else (diagnosis.reason,))
    return Verdict(kind=kind, hypothesis_id=None, confidence=confidence, missing=missing)


def keep(responder: Responder, investigation: Investigation) -> None:
    """Store the investigation, its trace and what it says about the incident's times."""
    incident_id = investigation.incident_id
    responder.incidents.save_investigation(investigation)
    trace = compose(investigation, responder.incidents.evidence_of(incident_id))
    responder.audit.append(incident_id=incident_id, kind="decision_trace", actor="autoheal", body=trace)
    leading = investigation.leading
    cited = tuple(i for claim in leading.claims_for for i in claim.evidence_ids) if leading else ()
    text = f"{verdict_text(investigation)} (confidence {investigation.verdict.confidence.value:.2f})"
    responder.note(incident_id, "decision", text, evidence=tuple(dict.fromkeys(cited)))
    incident = responder.incidents.get(incident_id)
    if investigation.onset is not None:
        onset_at = datetime.fromtimestamp(investigation.onset, tz=UTC)
        incident = replace(incident, onset_at=onset_at)
    if leading is not None:
        incident = replace(incident, diagnosed_at=investigation.ended_at)
    responder.incidents.save(incident)


def stored_evidence(
    responder: Responder, incident_id: str
) -> tuple[Mapping[str, Evidence], Mapping[str, Sequence[Row]]]:
    """What the incident's stages asked so far, read back from the store: claims rest on nothing else."""
    found = responder.incidents.evidence_of(incident_id)
    rows = {item.id: responder.incidents.rows(item.id) for item in found}
    return {item.id: item for item in found}, rows


def _investigating(responder: Responder, incident_id: str) -> Incident:
    incident = responder.incidents.get(incident_id)
    waiting = (IncidentState.DECIDING, IncidentState.VERIFYING, IncidentState.MITIGATING)
    if incident.state in waiting:
        incident = responder.move(incident, IncidentEvent.TRY_NEXT)
    return incident


def _stored(responder: Responder, incident_id: str, investigation_id: str) -> Investigation | None:
    found = responder.incidents.investigations(incident_id)
    return next((i for i in found if i.id == investigation_id), None)
