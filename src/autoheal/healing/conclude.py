"""From the engine's answer to a reviewed verdict: a cause, noise, or nothing that could be established."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from autoheal.diagnosis.finding import Diagnosis
from autoheal.domain.investigation import (
    Confidence,
    Hypothesis,
    HypothesisState,
    Review,
    Verdict,
    VerdictKind,
)
from autoheal.healing.collect import Collection
from autoheal.healing.correct import corrections, set_aside
from autoheal.healing.hypotheses import Material, hypotheses
from autoheal.healing.responder import Responder
from autoheal.healing.review import UnderReview, moved
from autoheal.healing.reviewed import reviewed, state_after
from autoheal.healing.stored import stored_evidence

_NOW_AND_THEN = 0.05
_MOSTLY = 0.5
_ALL_ALONG = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """What is asked about: the incident, the services that alarm, what was collected.

    habit is the share of the calm past in which the alerts' condition held as well.
    """

    incident_id: str
    investigation_id: str
    services: tuple[str, ...]
    collection: Collection
    habit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The hypotheses as they stand after review, and what follows."""

    hypotheses: tuple[Hypothesis, ...]
    verdict: Verdict
    review: Review | None
    path: tuple[str, ...]


def conclude(responder: Responder, inquiry: Inquiry, diagnosis: Diagnosis) -> Finding:
    """Have the engine's first place reviewed; where there is none, tell noise from what is not yet clear."""
    evidence, rows = stored_evidence(responder, inquiry.incident_id)
    changes = inquiry.collection.changes
    material = Material(
        investigation_id=inquiry.investigation_id,
        changes=changes,
        evidence=inquiry.collection.evidence,
        rows=rows,
    )
    candidates = set_aside(hypotheses(diagnosis, material), corrections(responder, inquiry.incident_id))
    path = (
        f"engine: {diagnosis.verdict} ({diagnosis.reason})",
        _habit(inquiry),
    )
    is_cause = VerdictKind(diagnosis.verdict.value) is VerdictKind.CAUSE
    nothing_leads = not candidates or candidates[0].state is not HypothesisState.LEADING
    if not is_cause or nothing_leads or _says_nothing_new(diagnosis, inquiry):
        settled = tuple(_demoted(h, diagnosis.reason) for h in candidates)
        verdict = _no_cause(diagnosis, inquiry)
        return Finding(hypotheses=settled, verdict=verdict, review=None, path=path)
    leading = candidates[0]
    case = UnderReview(
        hypothesis=leading,
        evidence=evidence,
        rows=rows,
        change=inquiry.collection.change(leading.change_id),
        onset=diagnosis.onset,
        now=responder.clock.now().timestamp(),
        services=inquiry.services,
        calls=inquiry.collection.telemetry.topology,
        rivals=tuple(h for h in candidates[1:] if h.entity != leading.entity),
        collection=inquiry.collection,
    )
    checked = reviewed(responder, inquiry.incident_id, case)
    if checked.holds and leading.confidence >= responder.settings.act_confidence:
        return _accepted(candidates, checked, diagnosis, path)
    return _doubted(candidates, checked, diagnosis, inquiry, path)


def _habit(inquiry: Inquiry) -> str:
    return f"the alerts' condition held for {inquiry.habit:.0%} of the calm time before"


def _accepted(
    candidates: Sequence[Hypothesis], checked: Review, diagnosis: Diagnosis, path: tuple[str, ...]
) -> Finding:
    leading, *others = candidates
    verdict = Verdict(
        kind=VerdictKind.CAUSE,
        hypothesis_id=leading.id,
        confidence=Confidence(value=leading.confidence, reason=diagnosis.reason),
        missing=diagnosis.missing,
    )
    accepted = replace(leading, state=state_after(checked))
    return Finding(hypotheses=(accepted, *others), verdict=verdict, review=checked, path=path)


def _doubted(
    candidates: Sequence[Hypothesis],
    checked: Review,
    diagnosis: Diagnosis,
    inquiry: Inquiry,
    path: tuple[str, ...],
) -> Finding:
    leading, *others = candidates
    doubt = "; ".join(checked.refutations) or f"confidence {leading.confidence:.2f} is too low to act on"
    verdict = _no_cause(diagnosis, inquiry, doubt)
    return Finding(hypotheses=(_demoted(leading, doubt), *others), verdict=verdict, review=checked, path=path)


def _demoted(hypothesis: Hypothesis, why: str) -> Hypothesis:
    if hypothesis.state is not HypothesisState.LEADING:
        return hypothesis
    return replace(hypothesis, state=HypothesisState.UNTESTED, not_tested_because=why or "nothing stands out")


def _no_cause(diagnosis: Diagnosis, inquiry: Inquiry, doubt: str = "") -> Verdict:
    value = min(max(diagnosis.confidence, 0.0), 1.0)
    if _says_nothing_new(diagnosis, inquiry) or _is_noise(diagnosis, inquiry):
        reason = (
            f"{diagnosis.reason}; the alerts' condition held for {inquiry.habit:.0%} of the calm time before"
        )
        confidence = Confidence(value=value, reason=reason)
        return Verdict(kind=VerdictKind.NOISE, hypothesis_id=None, confidence=confidence, missing=())
    confidence = Confidence(value=value, reason=diagnosis.reason)
    missing = (*diagnosis.missing, *([doubt] if doubt else [])) or (diagnosis.reason,)
    return Verdict(kind=VerdictKind.INCONCLUSIVE, hypothesis_id=None, confidence=confidence, missing=missing)


def _is_noise(diagnosis: Diagnosis, inquiry: Inquiry) -> bool:
    """Noise needs a reason of its own: doubt about the cause is none, and a service that hurts is against it.

    Either nothing stands out, and the alarmed services are as ever or their alerts hold now and then anyway;
    or the alerts' condition held most of the calm past, and the alarmed services are as ever.
    """
    as_ever = not _moved(diagnosis, inquiry.services, ("error_shift", "latency_shift"))
    if diagnosis.verdict.value == VerdictKind.NOISE.value:
        return as_ever or inquiry.habit >= _NOW_AND_THEN
    return as_ever and inquiry.habit >= _MOSTLY


def _says_nothing_new(diagnosis: Diagnosis, inquiry: Inquiry) -> bool:
    """An alert whose condition held all along is no sign of a fault, unless requests fail that did not."""
    return inquiry.habit >= _ALL_ALONG and not _moved(diagnosis, inquiry.services, ("error_shift",))


def _moved(diagnosis: Diagnosis, services: Sequence[str], names: Sequence[str]) -> bool:
    """Whether one of these terms of an alarmed service moved by what a user would notice."""
    terms = [term for cause in diagnosis.ranking if cause.entity in services for term in cause.terms]
    telling = [term for term in terms if term.name in names and term.points > 0]
    return any(t.before is not None and t.after is not None and moved(t.before, t.after) for t in telling)
