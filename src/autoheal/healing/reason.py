"""A second opinion where the engine is unsure: ask a model, check what it claims, have its cause reviewed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from autoheal.diagnosis.finding import Diagnosis
from autoheal.domain.investigation import (
    Confidence,
    Hypothesis,
    HypothesisState,
    Review,
    Verdict,
    VerdictKind,
)
from autoheal.healing.bring_back import SOURCE as MEMORY
from autoheal.healing.conclude import Finding, Inquiry
from autoheal.healing.correct import corrections
from autoheal.healing.reach import called_by
from autoheal.healing.reason_claims import Court, Heard, hear, mend
from autoheal.healing.reason_tools import STAGE, Desk, tools_of
from autoheal.healing.responder import Responder
from autoheal.healing.review import UnderReview
from autoheal.healing.reviewed import reviewed, state_after
from autoheal.healing.stored import stored_evidence
from autoheal.healing.triage import alerts_of
from autoheal.ports.reasoning import Ending, Mind, Spent, Stage, Task, Thought
from autoheal.reasoning.answer import Findings
from autoheal.reasoning.bill import ledger_entry
from autoheal.reasoning.digest import Picture, context, digest
from autoheal.reasoning.instructions import INSTRUCTIONS
from autoheal.reasoning.told import Told

CLOSE = 0.1
"""The share of the first place's score within which the second one makes the engine unsure."""
_EXAMINED = 2
"""How many of a model's hypotheses are reviewed, best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Which look at an incident this is, from 0, and what the engine made of it."""

    inquiry: Inquiry
    diagnosis: Diagnosis
    found: Finding
    looked: int


@dataclass(slots=True, kw_only=True)
class _Bill:
    """What a model's calls cost: each stands in the ledger as soon as it is over."""

    responder: Responder
    incident_id: str
    calls: list[Spent] = field(default_factory=list)

    def pay(self, spent: Spent) -> None:
        self.calls.append(spent)
        at = self.responder.clock.now()
        entry = ledger_entry(spent, incident_id=self.incident_id, stage=Stage.INVESTIGATE, at=at)
        self.responder.incidents.add_costs([entry])

    @property
    def line(self) -> str:
        read = sum(call.input_tokens for call in self.calls)
        cached = sum(call.cached_tokens for call in self.calls)
        written = sum(call.output_tokens for call in self.calls)
        dollars = sum(call.dollars for call in self.calls)
        tokens = f"{read} input tokens ({cached} cached), {written} output tokens"
        return f"{len(self.calls)} calls, {tokens}, ${dollars:.4f}"


def second_opinion(responder: Responder, look: Look) -> Finding:
    """The finding with a model's hypotheses beside it; the engine's own where no model is asked or helps."""
    why = why_ask(responder, look)
    mind = responder.minds.of(Stage.INVESTIGATE) if why and responder.minds else None
    return look.found if mind is None else _asked(responder, look, mind, why)


def why_ask(responder: Responder, look: Look) -> str:
    """Why a model is asked now; empty where the engine is sure, says noise, or looks once more first."""
    when, kind = responder.reasoning.when, look.found.verdict.kind
    if when == "never" or kind is VerdictKind.NOISE:
        return ""
    if when == "always":
        return "a model is always asked" if look.looked == 0 else ""
    if kind is VerdictKind.CAUSE:
        return _close(look)
    # The second look costs nothing but time, and the engine often sees by then what it missed.
    due = look.looked == min(1, responder.settings.max_looks - 1)
    return f"the engine is unsure: {look.found.verdict.confidence.reason}" if due else ""


def _close(look: Look) -> str:
    scores = [cause.score for cause in look.diagnosis.ranking[:2]]
    if len(scores) > 1 and scores[0] - scores[1] <= CLOSE * scores[0]:
        return f"the engine's second place is close: {scores[1]:.2f} of {scores[0]:.2f}"
    return ""


def _asked(responder: Responder, look: Look, mind: Mind, why: str) -> Finding:
    incident_id = look.inquiry.incident_id
    desk = _desk(responder, look)
    bill = _Bill(responder=responder, incident_id=incident_id)
    partial: list[Findings] = []

    def check(answer: Findings) -> str | None:
        heard = hear(_court(responder, look, desk), answer, "model")
        if heard.candidates:
            partial.append(answer)
        return mend(heard)

    thought = mind.think(_task(responder, look, desk, check), spent=bill.pay)
    answer = thought.answer or next(reversed(partial), None)
    heard = hear(_court(responder, look, desk), answer, thought.model) if answer else None
    merged = _merged(responder, look, heard) if heard else look.found
    outcome = _outcome(merged, heard, thought)
    responder.note(incident_id, "decision", f"second opinion of {thought.model}: {outcome}")
    asked = f"model {thought.model} asked: {why}"
    dropped = tuple(f"model: {reason}" for reason in heard.dropped) if heard else ()
    told = (asked, f"model: {bill.line}, {thought.tool_calls} tool calls", *dropped, f"model: {outcome}")
    return replace(merged, path=(*merged.path, *told))


def _task(
    responder: Responder, look: Look, desk: Desk, check: Callable[[Findings], str | None]
) -> Task[Findings]:
    # The digest comes before any tool: what it shows may be claimed.
    question = digest(_picture(responder, look, desk), desk.told)
    foreign = responder.belt.tools_for(Stage.INVESTIGATE, desk.gatherer) if responder.belt else ()
    return Task(
        incident_id=look.inquiry.incident_id,
        stage=Stage.INVESTIGATE,
        instructions=INSTRUCTIONS,
        context=_context(responder, look.inquiry.incident_id),
        question=question,
        answer=Findings,
        limits=responder.reasoning.limits_of(Stage.INVESTIGATE),
        tools=(*tools_of(desk), *foreign),
        check=check,
    )


def _desk(responder: Responder, look: Look) -> Desk:
    collection = look.inquiry.collection
    telemetry = collection.telemetry
    _, rows = stored_evidence(responder, look.inquiry.incident_id)
    return Desk(
        responder=responder,
        gatherer=responder.gatherer.for_stage(look.inquiry.incident_id, STAGE),
        collection=collection,
        rows=rows,
        told=Told(),
        start=telemetry.start,
        onset=look.diagnosis.onset if look.diagnosis.onset is not None else telemetry.alert_time,
        end=telemetry.end,
    )


def _court(responder: Responder, look: Look, desk: Desk) -> Court:
    evidence, rows = stored_evidence(responder, look.inquiry.incident_id)
    return Court(
        investigation_id=look.inquiry.investigation_id,
        desk=desk,
        diagnosis=look.diagnosis,
        ruled_out=corrections(responder, look.inquiry.incident_id),
        evidence=evidence,
        rows=rows,
    )


def _picture(responder: Responder, look: Look, desk: Desk) -> Picture:
    inquiry = look.inquiry
    return Picture(
        alerts=alerts_of(responder, responder.alerts.group_of_incident(inquiry.incident_id)),
        services=inquiry.services,
        diagnosis=look.diagnosis,
        hypotheses=look.found.hypotheses,
        doubt=look.found.verdict.confidence.reason,
        changes=inquiry.collection.changes,
        calls=inquiry.collection.telemetry.topology,
        measured=[name for name in inquiry.collection.evidence if "/" not in name],
        onset=desk.onset,
        now=desk.end,
        ruled_out=sorted(corrections(responder, inquiry.incident_id)),
    )


def _context(responder: Responder, incident_id: str) -> str:
    asked = responder.incidents.evidence_of(incident_id)
    brought = [e.id for e in asked if e.source == MEMORY]
    return context(row for key in brought for row in responder.incidents.rows(key))


# ---------------------------------------------------------------- what follows


def _merged(responder: Responder, look: Look, heard: Heard) -> Finding:
    """The engine's finding with what was heard; only a reviewed candidate becomes or replaces a cause."""
    if look.found.verdict.kind is VerdictKind.CAUSE:
        return _beside(responder, look, heard)
    candidates = list(heard.candidates)
    first: Review | None = look.found.review
    for place, candidate in enumerate(candidates[:_EXAMINED] if heard.kind == "cause" else []):
        checked, objection = _examined(responder, look, candidate, candidates)
        first = first or checked
        if not objection:
            return _accepted(look, candidates, place, checked)
        candidates[place] = replace(candidate, not_tested_because=objection)
    verdict = look.found.verdict
    missing = tuple(dict.fromkeys((*verdict.missing, *(f"says the model: {m}" for m in heard.missing))))
    return replace(
        look.found,
        hypotheses=(*look.found.hypotheses, *candidates),
        verdict=replace(verdict, missing=missing),
        review=first,
    )


def _beside(responder: Responder, look: Look, heard: Heard) -> Finding:
    """A reviewed finding of the engine stands, unless it is close and new evidence explains it better."""
    leading, *others = look.found.hypotheses
    first = next(iter(heard.candidates), None)
    beside = replace(look.found, hypotheses=(leading, *others, *heard.candidates))
    if first is None or heard.kind != "cause" or first.entity == leading.entity:
        return replace(look.found, hypotheses=(leading, *others, *heard.candidates[1:]))
    if not (_rivals(look, leading, first) and _own(responder, look, first)):
        return beside
    checked, objection = _examined(responder, look, first, heard.candidates)
    if objection:
        return beside
    doubt = f"it is close, and evidence that the engine had not asked for speaks for {first.entity}"
    demoted = replace(leading, state=HypothesisState.UNTESTED, not_tested_because=doubt)
    return _accepted(look, heard.candidates, 0, checked, engine=(demoted, *others))


def _rivals(look: Look, leading: Hypothesis, candidate: Hypothesis) -> bool:
    """Whether the engine is unsure, and the candidate ties with its first place or is called by it."""
    if not _close(look):
        return False
    below = called_by(leading.entity, look.inquiry.collection.telemetry.topology)
    return candidate.entity == look.diagnosis.ranking[1].entity or candidate.entity in below


def _own(responder: Responder, look: Look, candidate: Hypothesis) -> bool:
    """Whether it rests on evidence that the engine did not have."""
    asked = {e.id for e in responder.incidents.evidence_of(look.inquiry.incident_id) if e.stage == STAGE}
    return any(key in asked for claim in candidate.claims_for for key in claim.evidence_ids)


def _examined(
    responder: Responder, look: Look, candidate: Hypothesis, heard: Sequence[Hypothesis]
) -> tuple[Review, str]:
    """The review that every finding must pass, and why the candidate cannot be accepted, if so."""
    inquiry = look.inquiry
    evidence, rows = stored_evidence(responder, inquiry.incident_id)
    case = UnderReview(
        hypothesis=candidate,
        evidence=evidence,
        rows=rows,
        change=inquiry.collection.change(candidate.change_id),
        onset=look.diagnosis.onset,
        now=responder.clock.now().timestamp(),
        services=inquiry.services,
        calls=inquiry.collection.telemetry.topology,
        rivals=tuple(h for h in (*look.found.hypotheses, *heard) if h.entity != candidate.entity),
        collection=inquiry.collection,
    )
    checked = reviewed(responder, inquiry.incident_id, case)
    if not checked.holds:
        return checked, "; ".join(checked.refutations) or "it could not be reviewed"
    if candidate.confidence < responder.settings.act_confidence:
        return checked, f"confidence {candidate.confidence:.2f} is too low to act on"
    return checked, ""


def _accepted(
    look: Look,
    candidates: Sequence[Hypothesis],
    place: int,
    checked: Review,
    *,
    engine: Sequence[Hypothesis] | None = None,
) -> Finding:
    chosen = replace(candidates[place], state=state_after(checked), not_tested_because="")
    rest = [h for other, h in enumerate(candidates) if other != place]
    count = len(chosen.claims_for)
    held = "a review that held" if checked.passed else f"no review: {checked.absent}"
    reason = f"{chosen.author}: {count} claims that stored rows bear out, and {held}"
    verdict = Verdict(
        kind=VerdictKind.CAUSE,
        hypothesis_id=chosen.id,
        confidence=Confidence(value=chosen.confidence, reason=reason),
        missing=look.diagnosis.missing,
    )
    earlier = look.found.hypotheses if engine is None else engine
    return replace(look.found, hypotheses=(chosen, *rest, *earlier), verdict=verdict, review=checked)


def _outcome(merged: Finding, heard: Heard | None, thought: Thought[Findings]) -> str:
    """What came of it, in one line; why thinking ended, where it did not end with an answer."""
    ended = "" if thought.ending is Ending.ANSWERED else f"{thought.ending}: {thought.reason}; "
    leading = next((h for h in merged.hypotheses if h.id == merged.verdict.hypothesis_id), None)
    if leading is not None and leading.author.startswith("model:"):
        return f"{ended}its cause is accepted: {leading.statement}"
    if heard is None:
        return f"{ended}the engine's finding stands"
    if leading is not None and any(h.entity == leading.entity for h in heard.candidates[:1]):
        return f"{ended}it agrees: {leading.statement}"
    if heard.candidates:
        why = heard.candidates[0].entity
        return f"{ended}it names {why}, which is kept beside the engine's finding"
    return f"{ended}nothing of it stands; the engine's finding stands"
