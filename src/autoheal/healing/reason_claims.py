"""What stands of a model's answer: claims that stored rows bear out, of services and changes there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autoheal.diagnosis.finding import Diagnosis
from autoheal.domain.change import Change
from autoheal.domain.evidence import Claim, Evidence, Row
from autoheal.domain.investigation import Hypothesis, HypothesisState
from autoheal.healing.check_claims import objection_to, shown
from autoheal.healing.collect import CHANGES
from autoheal.healing.hypotheses import Material, change_claim, statement_of
from autoheal.healing.reason_tools import Desk
from autoheal.policy.untrusted import fit
from autoheal.reasoning.answer import Candidate, CitedClaim, Findings

_MOST = 0.8
"""No word of a model is believed further, however sure it is of itself."""
_BY_SUBJECTS = (0.0, 0.4, 0.65)
"""How far it is believed by the number of different subjects that bear it out; with more, up to the most."""
_WITHOUT_METRIC = 0.4
"""What programs write of themselves, anyone who talks to them may have dictated."""
_REASON = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Court:
    """What an answer is judged by: the stored evidence, services and changes, people's words."""

    investigation_id: str
    desk: Desk
    diagnosis: Diagnosis
    ruled_out: Mapping[str, str]
    evidence: Mapping[str, Evidence]
    rows: Mapping[str, Sequence[Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The candidates that stand, best first, what was dropped and why, and what the model misses."""

    kind: str
    candidates: tuple[Hypothesis, ...]
    dropped: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(slots=True)
class _Losses:
    told: list[str] = field(default_factory=list)

    def add(self, reason: str) -> None:
        self.told.append(fit(" ".join(reason.split()), _REASON))


def hear(court: Court, answer: Findings, model: str) -> Heard:
    """Judge an answer; nothing of a model's own prose is kept but what it says is missing."""
    losses = _Losses()
    found = (_candidate(court, said, place, model, losses) for place, said in enumerate(answer.hypotheses, 1))
    return Heard(
        kind=answer.kind,
        candidates=tuple(candidate for candidate in found if candidate is not None),
        dropped=tuple(losses.told),
        missing=tuple(fit(" ".join(text.split()), _REASON) for text in answer.missing),
    )


def mend(heard: Heard) -> str | None:
    """What a model is told to mend; None where its answer can stand as it is."""
    if heard.candidates or (heard.kind == "inconclusive" and heard.missing):
        return None
    if heard.kind == "inconclusive":
        return "say in `missing` what would have to be known"
    return "; ".join(heard.dropped[:6]) or "a cause needs a hypothesis with claims that stand"


def _candidate(court: Court, said: Candidate, place: int, model: str, losses: _Losses) -> Hypothesis | None:
    problem = _impossible(court, said)
    if problem:
        losses.add(f"hypothesis {place} dropped: {problem}")
        return None
    change = court.desk.collection.change(said.change_id)
    speaking = _telling(_standing(court, said.claims_for, losses), losses)
    against = _standing(court, said.claims_against, losses)
    if not speaking:
        losses.add(f"hypothesis {place} dropped: no claim for {said.entity} stands")
        return None
    brought = _brought(court, change)
    return Hypothesis(
        id=f"{court.investigation_id}.m{place}",
        entity=said.entity,
        mechanism=said.mechanism,
        statement=statement_of(said.entity, said.mechanism, change),
        score=0.0,
        confidence=_confidence(court, said, speaking),
        author=f"model:{model}",
        state=HypothesisState.UNTESTED,
        change_id=change.id if change else None,
        claims_for=(*speaking, *brought),
        claims_against=against,
        not_tested_because="another hypothesis was examined first",
    )


def _impossible(court: Court, said: Candidate) -> str:
    """Why a candidate cannot be one, whatever it claims."""
    if said.entity not in court.desk.entities:
        return f"there is no service {said.entity!r} in this incident"
    if said.entity in court.ruled_out:
        return f"{court.ruled_out[said.entity]} says that it is not {said.entity}"
    change = court.desk.collection.change(said.change_id)
    if said.change_id is None:
        return ""
    if change is None:
        return f"there is no change {said.change_id!r} in this incident"
    if change.entity not in ("", said.entity):
        return f"change {change.id!r} is of {change.entity}, not of {said.entity}"
    refuted = next((c.refuted for c in court.diagnosis.changes if c.id in (change.id, change.commit)), ())
    return f"change {change.id!r} is refuted: {'; '.join(refuted)}" if refuted else ""


def _brought(court: Court, change: Change | None) -> tuple[Claim, ...]:
    """The change as a claim of its own, where the row that tells of it is stored."""
    collection = court.desk.collection
    if change is None or f"{CHANGES}/{change.id}" not in collection.evidence:
        return ()
    material = Material(
        investigation_id=court.investigation_id,
        changes=collection.changes,
        evidence=collection.evidence,
        rows=court.rows,
    )
    claim = change_claim(change, "was made there before it began", material)
    return () if objection_to(claim, court.evidence, court.rows) else (claim,)


def _standing(court: Court, cited: Sequence[CitedClaim], losses: _Losses) -> tuple[Claim, ...]:
    """The claims that stored rows bear out, each once."""
    standing: dict[str, Claim] = {}
    for item in cited:
        claim = court.desk.told.claim(item)
        problem = claim if isinstance(claim, str) else objection_to(claim, court.evidence, court.rows)
        if isinstance(claim, str) or problem is not None:
            losses.add(f"claim rejected: {problem}")
        else:
            standing.setdefault(claim.text, claim)
    return tuple(standing.values())


def _telling(claims: Sequence[Claim], losses: _Losses) -> tuple[Claim, ...]:
    """Without those that read the same before and since the onset: they argue for nothing."""
    still = [c for c in claims if len({shown(reading.value) for reading in c.readings}) < len(c.readings)]
    for claim in still:
        losses.add(f"claim rejected: {claim.text}, which argues for nothing")
    return tuple(claim for claim in claims if claim not in still)


def _confidence(court: Court, said: Candidate, claims: Sequence[Claim]) -> float:
    """What the model says, at most what its standing claims bear."""
    subjects = {reading.subject for claim in claims for reading in claim.readings}
    measured = court.desk.responder.gatherer.sources.metrics.name
    sources = {court.evidence[key].source for claim in claims for key in claim.evidence_ids}
    bearing = _BY_SUBJECTS[len(subjects)] if len(subjects) < len(_BY_SUBJECTS) else _MOST
    if measured not in sources:
        bearing = min(bearing, _WITHOUT_METRIC)
    return min(said.confidence, bearing)
