"""One small question to the person who most likely knows, within a budget and not at night; silence pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from autoheal.domain.alert import Severity
from autoheal.domain.approval import Decision
from autoheal.domain.fact import NodeKind, Relation, urn
from autoheal.domain.incident import Incident
from autoheal.domain.investigation import (
    Confidence,
    HypothesisState,
    Investigation,
    Verdict,
    VerdictKind,
)
from autoheal.domain.ledger import LedgerEntry
from autoheal.domain.mitigation import MitigationState
from autoheal.domain.question import Question
from autoheal.healing.investigate import keep
from autoheal.healing.responder import Responder
from autoheal.healing.settings import AskSettings
from autoheal.healing.theory import STANDS, WEAKER, Theory, Weighed, blamed, known_services, weighed

_OPTIONS = 3
_HISTORY = 200
_BELIEVED = 0.5
"""How sure a person's word makes us at most: where policy wants more, somebody must still say yes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expert:
    """A person, and why we think that they know."""

    name: str
    why: str


def ask(responder: Responder, incident_id: str) -> str:
    """Ask one person one question, once: `<seconds to wait> <question id>`, empty when nobody is asked."""
    store, settings = responder.questions, responder.settings.ask
    if store is None or not settings.enabled:
        return ""
    asked = store.of_incident(incident_id)
    incident = responder.incidents.get(incident_id)
    wait = f"{_patience(settings, incident):g}"
    if asked:
        return f"{wait} {asked[0].id}"
    now = responder.clock.now()
    recent = store.since(now - timedelta(days=1))
    people: dict[str, Expert] = {}
    for expert in experts(responder, incident):
        people.setdefault(expert.name, expert)
    for expert in people.values():
        objection = not_now(expert, settings, recent, now)
        if objection is None:
            return f"{wait} {_asked(responder, incident, expert, now)}"
        responder.note(incident_id, "decision", f"{expert.name} is not asked: {objection}")
    return ""


def take_answer(responder: Responder, question_id: str) -> str:
    """Turn the answer into a hypothesis that is tested like any other: `cause` when it may be acted on."""
    if responder.questions is None:
        return VerdictKind.INCONCLUSIVE
    question = responder.questions.get(question_id)
    if question.answer is None or question.answered_by is None:
        responder.note(
            question.incident_id, "human", f"{question.asked_of} has not answered: others are paged"
        )
        return VerdictKind.INCONCLUSIVE
    service = blamed(question.answer, known_services(responder, question.incident_id))
    if service is None:
        text = f"the answer of {question.answered_by} names no single service: it cannot be tested"
        responder.note(question.incident_id, "decision", text)
        return VerdictKind.INCONCLUSIVE
    theory = Theory(incident_id=question.incident_id, person=question.answered_by, service=service)
    found = weighed(responder, theory)
    if found.result not in (STANDS, WEAKER):
        return VerdictKind.INCONCLUSIVE
    return _believe(responder, question, found)


def experts(responder: Responder, incident: Incident) -> Iterator[Expert]:
    """Who may know, most likely first.

    The owner; who resolved the last one there; who knows this failure from elsewhere; who is on call.
    """
    for service in incident.services:
        for fact in responder.graph.facts(subject=urn(NodeKind.SERVICE, service), relation=Relation.OWNED_BY):
            node = responder.graph.node(fact.object)
            if node is not None:
                yield Expert(name=node.name, why=f"owns {service}")
    earlier = [other for other in responder.incidents.list(limit=_HISTORY) if other.id != incident.id]
    there = [other for other in earlier if set(other.services) & set(incident.services)]
    alike = [other for other in earlier if incident.signature and other.signature == incident.signature]
    for other in there:
        yield from (Expert(name=name, why=f"resolved {other.id}") for name in _helped(responder, other))
    for other in alike:
        why = f"knows this failure from {other.id}"
        yield from (Expert(name=name, why=why) for name in _helped(responder, other))
    yield from (Expert(name=name, why="is on call") for name in responder.settings.ask.on_call)


def not_now(expert: Expert, settings: AskSettings, recent: Sequence[Question], now: datetime) -> str | None:
    """Why this person is left in peace; None when they may be asked."""
    if quiet(settings, now):
        return f"it is between {settings.quiet_from:%H:%M} and {settings.quiet_until:%H:%M} there"
    count = sum(question.asked_of == expert.name for question in recent)
    if count >= settings.per_person_per_day:
        return f"was asked {count} times today already"
    return None


def quiet(settings: AskSettings, now: datetime) -> bool:
    """Whether it is the time of day in which nobody is asked; the window may reach over midnight."""
    start, end = settings.quiet_from, settings.quiet_until
    here: time = now.astimezone(ZoneInfo(settings.timezone)).time().replace(tzinfo=None)
    return start <= here < end if start <= end else here >= start or here < end


def _patience(settings: AskSettings, incident: Incident) -> float:
    """Seconds to wait for an answer before somebody is paged: none at all when it is critical."""
    return 0.0 if incident.severity is Severity.CRITICAL else settings.patience_seconds


def _helped(responder: Responder, incident: Incident) -> Iterator[str]:
    """Whose word it was where an action was shown to help: who said yes, and who had named the cause."""
    done = responder.mitigations.of_incident(incident.id)
    helped = [mitigation for mitigation in done if mitigation.state is MitigationState.VERIFIED]
    for mitigation in helped:
        given = responder.mitigations.approvals(mitigation.id)
        yield from (a.actor for a in given if a.decision is Decision.APPROVED)
    if helped and responder.questions is not None:
        asked = responder.questions.of_incident(incident.id)
        yield from (question.answered_by for question in asked if question.answered_by is not None)


def _asked(responder: Responder, incident: Incident, expert: Expert, now: datetime) -> str:
    question = Question(
        id=responder.ids.new("qst"),
        incident_id=incident.id,
        text=_text(responder, incident),
        why_asked=f"{expert.name} {expert.why}; memory did not serve: {_memory(responder, incident.id)}",
        asked_at=now,
        asked_of=expert.name,
    )
    if responder.questions is not None:
        responder.questions.save(question)
    cost = LedgerEntry(incident_id=incident.id, stage="ask", backend="expert", at=now, questions=1)
    responder.incidents.add_costs([cost])
    responder.note(incident.id, "human", f"asked {expert.name}: {question.text} ({question.why_asked})")
    return question.id


def _text(responder: Responder, incident: Incident) -> str:
    """The smallest question that helps: which of these few, or which other."""
    investigations = responder.incidents.investigations(incident.id)
    last = investigations[-1] if investigations else None
    open_ones = [h for h in (last.hypotheses if last else ()) if h.state is not HypothesisState.REJECTED]
    names = list(dict.fromkeys(h.entity for h in open_ones))[:_OPTIONS]
    options = f"Is it {', '.join(names)}, or another?" if names else "What do you think?"
    return f"Which service is the cause of {incident.title}? {options} A name is enough."


def _memory(responder: Responder, incident_id: str) -> str:
    told = [e.text for e in responder.incidents.timeline(incident_id) if e.text.startswith("recall: ")]
    return "; ".join(text.removeprefix("recall: ") for text in told[-2:]) or "it was not asked"


def _believe(responder: Responder, question: Question, found: Weighed) -> str:
    """The person's hypothesis as the verdict of an investigation of its own, so that it can be decided on."""
    now = responder.clock.now()
    sure = min(found.hypothesis.confidence, _BELIEVED)
    hypothesis = replace(found.hypothesis, state=HypothesisState.ACCEPTED, confidence=sure)
    reason = f"{question.answered_by} said so, and what was measured does not refute it"
    verdict = Verdict(
        kind=VerdictKind.CAUSE,
        hypothesis_id=hypothesis.id,
        confidence=Confidence(value=sure, reason=reason),
    )
    investigation = Investigation(
        id=f"{question.incident_id}.answer.{question.id}",
        incident_id=question.incident_id,
        attempt=len(responder.incidents.investigations(question.incident_id)) + 1,
        started_at=question.asked_at,
        ended_at=now,
        hypotheses=(hypothesis,),
        verdict=verdict,
        review=found.review,
        path=(f"asked {question.asked_of}: {question.text}", f"{question.answered_by}: {question.answer}"),
    )
    keep(responder, investigation)
    return VerdictKind.CAUSE
