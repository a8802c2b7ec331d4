"""Did the symptom go, and because of us? The declared check, fresh data, and no new harm elsewhere.

An action either improves production or is undone (transactional no-regression, STRATUS, arXiv 2506.02009).
No data is a failure: silence has hidden more outages than it ended.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from autoheal.domain.evidence import Failed, NoData, Row
from autoheal.domain.incident import IncidentEvent, IncidentState
from autoheal.domain.mitigation import (
    Check,
    Mitigation,
    MitigationEvent,
    MitigationState,
    Verification,
    VerificationResult,
)
from autoheal.healing.gather import Gathered, Gatherer
from autoheal.healing.responder import Responder

PENDING = "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at the symptom: the samples in which it still showed, and whether the data can be trusted."""

    sick_at: tuple[float, ...]
    trusted: bool
    why_not: str
    evidence_ids: tuple[str, ...]


def look(gatherer: Gatherer, check: Check, *, since: float, now: float, label: str) -> Look:
    """Ask the check's expression since a moment, and whether its services are seen at all just now."""
    step = look_step(since=since, now=now)
    symptom = gatherer.range(check.expression, start=since, end=now, step=step, subject="symptom")
    seen = gatherer.instant(alive(check.services, label), at=now)
    ids = (symptom.evidence.id, seen.evidence.id)
    why_not = _distrust(symptom, seen, check, now)
    sick = tuple(sorted(row.time for row in symptom.rows if concerns(row, check.services)))
    return Look(sick_at=sick, trusted=not why_not, why_not=why_not, evidence_ids=ids)


def look_step(*, since: float, now: float) -> float:
    """Seconds between the samples of a look."""
    return max((now - since) / 100, 1.0)


def alive(services: Sequence[str], label: str) -> str:
    """When each of the services was seen last, or of all there are where none is named."""
    return f"timestamp(up{{{any_of(label, services)}}})" if services else "timestamp(up)"


def any_of(label: str, services: Sequence[str]) -> str:
    """A PromQL matcher of exactly these services: alerts are written by others, so names are quoted."""
    names = "|".join(_SPECIAL.sub(r"\\\g<0>", service) for service in services)
    return f"{label}=~{json.dumps(names, ensure_ascii=False)}"


_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")


def _distrust(symptom: Gathered, seen: Gathered, check: Check, now: float) -> str:
    if isinstance(symptom.evidence.answer, Failed | NoData):
        return f"the symptom cannot be asked: {_said(symptom)}"
    if not seen.rows:
        return f"nothing is known of {', '.join(check.services)}: {_said(seen)}"
    age = now - max(row.value for row in seen.rows)
    if age > check.max_age_seconds:
        return f"the newest sample is {age:.0f} s old"
    return ""


def _said(gathered: Gathered) -> str:
    answer = gathered.evidence.answer
    return answer.reason if isinstance(answer, Failed) else answer.kind


def concerns(row: Row, services: Sequence[str]) -> bool:
    """Whether a sample of the symptom speaks of our services; a sample without a service may."""
    return not services or not row.entity or row.entity in services


def severity_score(gatherer: Gatherer, services: Sequence[str], *, at: float, label: str) -> float:
    """Firing critical alerts count ten, others one, over the services given."""
    where = f",{any_of(label, services)}" if services else ""
    firing = f'ALERTS{{alertstate="firing"{where}}}'
    critical = f'ALERTS{{alertstate="firing",severity="critical"{where}}}'
    every = gatherer.instant(f"count by ({label}) ({firing})", at=at)
    worst = gatherer.instant(f"count by ({label}) ({critical})", at=at)
    return sum(row.value for row in every.rows) + 9 * sum(row.value for row in worst.rows)


def verify(responder: Responder, mitigation_id: str) -> str:
    """One look after an action: `pending`, or the final result, which is stored."""
    mitigation = responder.mitigations.get(mitigation_id)
    stored = responder.mitigations.verification(mitigation_id)
    if stored is not None:
        return stored.result
    _show_verifying(responder, mitigation.incident_id)
    now = responder.clock.now()
    acted_at = mitigation.executed_at or mitigation.proposed_at
    gatherer = responder.gatherer.for_stage(mitigation.incident_id, "verify")
    label = responder.settings.entity_label
    seen = look(gatherer, mitigation.check, since=acted_at.timestamp(), now=now.timestamp(), label=label)
    stable = _stable(mitigation, seen, now)
    if not stable and now < acted_at + timedelta(seconds=mitigation.check.within_seconds):
        return PENDING
    incident = responder.incidents.get(mitigation.incident_id)
    score = severity_score(gatherer, incident.services, at=now.timestamp(), label=label)
    verdict = _judged(mitigation, seen, stable=stable, score=score, now=now)
    with responder.whole():
        _store(responder, mitigation, verdict)
    return verdict.result


def _stable(mitigation: Mitigation, seen: Look, now: datetime) -> bool:
    """Whether the symptom has been gone for as long as the check wants."""
    return seen.trusted and now.timestamp() - _last_sick(mitigation, seen) >= mitigation.check.stable_seconds


def _last_sick(mitigation: Mitigation, seen: Look) -> float:
    acted_at = mitigation.executed_at or mitigation.proposed_at
    return max((acted_at.timestamp(), *seen.sick_at))


def _judged(mitigation: Mitigation, seen: Look, *, stable: bool, score: float, now: datetime) -> Verification:
    """The verdict, once the symptom has gone or the time is over."""
    result, text = _result(mitigation, seen, stable=stable, score=score)
    return Verification(
        mitigation_id=mitigation.id,
        result=result,
        text=text,
        judged_at=now,
        score_before=mitigation.baseline_score,
        score_after=score,
        evidence_ids=seen.evidence_ids,
        recovered_at=datetime.fromtimestamp(_last_sick(mitigation, seen), tz=UTC) if stable else None,
    )


def _result(
    mitigation: Mitigation, seen: Look, *, stable: bool, score: float
) -> tuple[VerificationResult, str]:
    before = mitigation.baseline_score
    if not seen.trusted:
        return VerificationResult.NO_DATA, seen.why_not
    if score > before:
        return VerificationResult.WORSE, f"alerts weigh {score:.0f} now and {before:.0f} before"
    if not stable:
        return VerificationResult.STILL_FAILING, "the symptom still shows"
    if before > 0 and score >= before:
        return VerificationResult.STILL_FAILING, f"alerts still weigh {score:.0f}"
    return VerificationResult.HELPED, f"the symptom is gone; alerts weigh {score:.0f}, {before:.0f} before"


def _show_verifying(responder: Responder, incident_id: str) -> None:
    incident = responder.incidents.get(incident_id)
    if incident.state is IncidentState.MITIGATING:
        responder.move(incident, IncidentEvent.VERIFY)


def _store(responder: Responder, mitigation: Mitigation, verdict: Verification) -> None:
    responder.mitigations.save_verification(verdict)
    responder.note(
        mitigation.incident_id,
        "decision",
        f"verification: {verdict.result}. {verdict.text}",
        evidence=verdict.evidence_ids,
    )
    if verdict.result is not VerificationResult.HELPED:
        return
    if mitigation.state is MitigationState.EXECUTED:
        verified = mitigation.move(MitigationEvent.VERIFY)
        responder.mitigations.transition(verified, expected_state=mitigation.state)
    incident = responder.incidents.get(mitigation.incident_id)
    if incident.state is IncidentState.VERIFYING:
        incident = replace(incident, mitigated_at=mitigation.executed_at, recovered_at=verdict.recovered_at)
        responder.move(incident, IncidentEvent.HELPED)
