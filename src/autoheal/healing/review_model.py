"""A model that did not write a finding tries to refute it, with a conversation and queries of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from autoheal.domain.evidence import Claim
from autoheal.domain.investigation import Hypothesis, Mechanism, Objection
from autoheal.healing.check_claims import objection_to
from autoheal.healing.collect import Collection
from autoheal.healing.reach import callers_of
from autoheal.healing.reason_tools import Desk, tools_of
from autoheal.healing.responder import Responder
from autoheal.healing.review import UnderReview, moved, unreviewed
from autoheal.healing.stored import stored_evidence
from autoheal.healing.triage import alerts_of
from autoheal.policy.untrusted import fit
from autoheal.ports.reasoning import Mind, Spent, Stage, Task, Thought
from autoheal.reasoning.bill import ledger_entry
from autoheal.reasoning.challenge import INSTRUCTIONS, Challenge, Charge, Refutation, question
from autoheal.reasoning.told import Told

_SAID = 300
_UNMOVED = frozenset({"already recovering", "decoy change", "immaterial"})
"""Grounds that say that what is blamed is as it was; all others say that something moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenged:
    """What a model's review came to; absent says why it does not count as one."""

    reviewer: str
    objections: tuple[Objection, ...]
    outcome: str
    absent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """One review: whose finding, at which desk, and how much evidence there was before the model looked."""

    responder: Responder
    incident_id: str
    case: UnderReview
    desk: Desk
    before: frozenset[str]


@dataclass(slots=True)
class _Heard:
    """What stands of an answer, and why the rest does not."""

    objections: list[Objection] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)


def challenged(responder: Responder, incident_id: str, case: UnderReview) -> Challenged:
    """Have the finding challenged by the first review model that had no part in it."""
    if case.collection is None or responder.minds is None:
        return _absent("a model", "no model reviewer is available here")
    wrote = _authors(responder, incident_id, case.hypothesis)
    mind = responder.minds.of(Stage.REVIEW, other_than=wrote)
    if mind is None:
        return _absent("a model", f"no independent model reviewer was available: {', '.join(wrote)} wrote it")
    try:
        return _asked(_bench(responder, incident_id, case, case.collection), mind)
    except Exception as error:  # noqa: BLE001  whatever breaks the reviewer, nothing may count as reviewed
        return _absent("a model", f"the model reviewer failed: {type(error).__name__}")


def _authors(responder: Responder, incident_id: str, hypothesis: Hypothesis) -> tuple[str, ...]:
    """Every model that had a part in the finding: one that stood in for another shares its authorship."""
    kind, _, name = hypothesis.author.partition(":")
    if kind != "model":
        return ()
    paid = responder.incidents.costs(incident_id)
    took_part = [entry.backend for entry in paid if entry.stage == Stage.INVESTIGATE and entry.tokens_input]
    return tuple(dict.fromkeys((name, *took_part)))


def _bench(responder: Responder, incident_id: str, case: UnderReview, collection: Collection) -> _Bench:
    telemetry = collection.telemetry
    evidence, rows = stored_evidence(responder, incident_id)
    desk = Desk(
        responder=responder,
        gatherer=responder.gatherer.for_stage(incident_id, Stage.REVIEW),
        collection=collection,
        rows=rows,
        told=Told(),
        start=telemetry.start,
        onset=case.onset if case.onset is not None else telemetry.alert_time,
        end=telemetry.end,
    )
    return _Bench(
        responder=responder, incident_id=incident_id, case=case, desk=desk, before=frozenset(evidence)
    )


def _asked(bench: _Bench, mind: Mind) -> Challenged:
    def pay(spent: Spent) -> None:
        at = bench.responder.clock.now()
        entry = ledger_entry(spent, incident_id=bench.incident_id, stage=Stage.REVIEW, at=at)
        bench.responder.incidents.add_costs([entry])

    thought = mind.think(_task(bench), spent=pay)
    return _judged(bench, thought)


def _task(bench: _Bench) -> Task[Challenge]:
    responder = bench.responder
    foreign = responder.belt.tools_for(Stage.REVIEW, bench.desk.gatherer) if responder.belt else ()
    return Task(
        incident_id=bench.incident_id,
        stage=Stage.REVIEW,
        instructions=INSTRUCTIONS,
        context="",
        question=question(_charge(bench), bench.desk.told),
        answer=Challenge,
        limits=responder.reasoning.limits_of(Stage.REVIEW),
        tools=(*tools_of(bench.desk), *foreign),
        check=lambda answer: _mend(bench, answer),
    )


def _charge(bench: _Bench) -> Charge:
    case, desk = bench.case, bench.desk
    group = bench.responder.alerts.group_of_incident(bench.incident_id)
    return Charge(
        alerts=alerts_of(bench.responder, group),
        services=case.services,
        hypothesis=case.hypothesis,
        rivals=case.rivals,
        changes=desk.collection.changes,
        calls=case.calls,
        measured=[name for name in desk.collection.evidence if "/" not in name],
        onset=desk.onset,
        now=desk.end,
    )


# ---------------------------------------------------------------- what its answer is worth


def _mend(bench: _Bench, answer: Challenge) -> str | None:
    """What the model is told to mend; None where its answer can stand as it is."""
    if answer.kind == "cannot_tell":
        return None if answer.missing else "say in `missing` what would have to be known"
    if not _own(bench):
        return "ask at least one tool that queries production before you decide"
    if answer.kind == "stands":
        return None
    heard = _hear(bench, answer)
    return None if heard.objections else "; ".join(heard.dropped[:6]) or "a refutation needs claims"


def _judged(bench: _Bench, thought: Thought[Challenge]) -> Challenged:
    """The verdict, as far as it follows from what is stored; everything else is no review."""
    reviewer, answer = f"model:{thought.model}", thought.answer
    if answer is None:
        return _absent(reviewer, f"the model reviewer gave no verdict ({thought.ending}: {thought.reason})")
    if answer.kind == "cannot_tell":
        missing = fit("; ".join(" ".join(text.split()) for text in answer.missing), _SAID)
        return _absent(reviewer, f"the model reviewer cannot tell: {missing or 'it does not say why'}")
    own = _own(bench)
    if not own:
        return _absent(reviewer, "the model reviewer looked at nothing itself")
    if answer.kind == "stands":
        text = f"{reviewer} found nothing against it"
        held = Objection(test=reviewer, passed=True, text=text, evidence_ids=own)
        return Challenged(reviewer=reviewer, objections=(held,), outcome="it stands")
    heard = _hear(bench, answer)
    if not heard.objections:
        why = fit("; ".join(heard.dropped), _SAID)
        return _absent(reviewer, f"what the model reviewer says against it does not follow: {why}")
    objections = tuple(heard.objections)
    told = "; ".join(objection.text for objection in objections)
    return Challenged(reviewer=reviewer, objections=objections, outcome=f"refuted: {told}")


def _own(bench: _Bench) -> tuple[str, ...]:
    """The answers that the model itself got: what it did not ask for is not its own look."""
    asked = bench.responder.incidents.evidence_of(bench.incident_id)
    return tuple(e.id for e in asked if e.id not in bench.before and e.stage == Stage.REVIEW and e.usable)


def _hear(bench: _Bench, answer: Challenge) -> _Heard:
    heard = _Heard()
    for said in answer.refutations:
        claims = tuple(_standing(bench, said, heard))
        if claims:
            cited = tuple(dict.fromkeys(key for claim in claims for key in claim.evidence_ids))
            text = f"{said.ground}: {'; '.join(claim.text for claim in claims)}"
            heard.objections.append(
                Objection(test="model review", passed=False, text=text, evidence_ids=cited)
            )
    return heard


def _standing(bench: _Bench, said: Refutation, heard: _Heard) -> Iterator[Claim]:
    """The claims that stored rows bear out and that speak for the ground they are put to."""
    evidence, rows = stored_evidence(bench.responder, bench.incident_id)
    for cited in said.claims:
        claim = bench.desk.told.claim(cited)
        if isinstance(claim, str):
            heard.dropped.append(fit(claim, _SAID))
            continue
        problem = objection_to(claim, evidence, rows) or _beside(bench.case, said.ground, claim)
        if problem is None:
            yield claim
        else:
            heard.dropped.append(fit(problem, _SAID))


def _beside(case: UnderReview, ground: str, claim: Claim) -> str | None:
    """Why a true measurement says nothing on that ground; None where it does."""
    blamed, entity = case.hypothesis.entity, claim.readings[-1].entity
    changed = len(claim.readings) == 1 or moved(claim.readings[0].value, claim.readings[-1].value)
    if ground in _UNMOVED:
        rested_on = {r.subject for argued in case.hypothesis.claims_for for r in argued.readings}
        says = entity == blamed and not changed and claim.readings[-1].subject in rested_on
        return None if says else f"{claim.text}, which does not say that {blamed} is as it was"
    if not changed:
        return f"{claim.text}, which did not move"
    if ground == "alternative cause" and entity in _victims(case):
        return f"{claim.text}: {entity} hurts with {blamed} and does not explain it"
    return None


def _victims(case: UnderReview) -> tuple[str, ...]:
    """What is blamed itself, and who calls it: they hurt because it does, but for load, which they bring."""
    blamed = case.hypothesis.entity
    load = case.hypothesis.mechanism is Mechanism.LOAD
    return (blamed, *(() if load else callers_of(blamed, case.calls)))


def _absent(reviewer: str, why: str) -> Challenged:
    outcome = f"not reviewed: {why}"
    return Challenged(reviewer=reviewer, objections=(unreviewed(why),), outcome=outcome, absent=why)
