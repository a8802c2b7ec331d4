"""What memory holds for a fresh incident, stored as evidence to be cited, and what it was worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autoheal.domain.alert_group import AlertGroup
from autoheal.domain.evidence import Empty, Evidence, Found, Row, digest_of
from autoheal.domain.incident import Incident
from autoheal.graph.incidents import Lesson
from autoheal.graph.retrieve import Clue, Memory, Retrieved, retrieve
from autoheal.graph.signature import class_of, failure_family
from autoheal.graph.tried import note_path
from autoheal.healing.fit import fit_rows
from autoheal.healing.responder import Responder
from autoheal.healing.triage import alerts_of

SOURCE = "graph"
STAGE = "recall"
_TOLD = 5


def bring_back(responder: Responder, incident: Incident, group: AlertGroup) -> Evidence:
    """Ask memory, keep its answer as evidence of the incident, and say what came back with the ids."""
    alerts = alerts_of(responder, group)
    now = responder.clock.now()
    symptoms = sorted({class_of(alert) for alert in alerts})
    clue = Clue(
        services=[name for name in (group.origin, *group.services) if name],
        symptoms=symptoms,
        signature=incident.signature,
        fingerprints=sorted({alert.fingerprint for alert in alerts}),
        words=" ".join((*symptoms, *group.services)),
        began=incident.onset_at or incident.detected_at or incident.opened_at,
    )
    found = retrieve(responder.graph, clue, now=now)
    evidence = _stored(responder, incident, clue, found)
    if found.cut:
        responder.note(incident.id, "evidence", f"memory was cut: {found.cut}", evidence=(evidence.id,))
    for memory in found.memories[:_TOLD]:
        told = f"memory: {memory.line}, by {' and '.join(memory.lanes)}"
        responder.note(incident.id, "evidence", told, evidence=(evidence.id,))
    return evidence


def _stored(responder: Responder, incident: Incident, clue: Clue, found: Retrieved) -> Evidence:
    rows = fit_rows(tuple(_row(memory, clue) for memory in found.memories))
    now = responder.clock.now()
    answer = Found(rows=len(rows), digest=digest_of(rows)) if rows else Empty()
    evidence = Evidence(
        id=responder.ids.new("ev"),
        incident_id=incident.id,
        stage=STAGE,
        source=SOURCE,
        expression=f"what is known of {', '.join(clue.symptoms)} on {', '.join(clue.services)}",
        start=clue.began,
        end=now,
        asked_at=now,
        seconds=0.0,
        answer=answer,
    )
    # No ledger entry: our own memory is no backend that somebody pays for.
    responder.incidents.add_evidence(evidence, rows)
    return evidence


def _row(memory: Memory, clue: Clue) -> Row:
    began = (memory.fact.valid_from or clue.began).timestamp()
    lanes = " and ".join(memory.lanes)
    return Row(
        time=began,
        entity=lanes,
        subject=memory.fact.id,
        value=memory.confidence,
        text=memory.fact.statement,
    )


def brought_back(responder: Responder, incident_id: str) -> dict[str, list[str]]:
    """The ids of the facts that came back, by the evidence that holds them."""
    asked = (
        e for e in responder.incidents.evidence_of(incident_id) if (e.source, e.stage) == (SOURCE, STAGE)
    )
    return {e.id: [row.subject for row in responder.incidents.rows(e.id)] for e in asked}


def credit_memory(responder: Responder, incident: Incident, lesson: Lesson | None) -> None:
    """Count each fact that came back as used; as useful only where it speaks of the verified cause."""
    ids = [key for found in brought_back(responder, incident.id).values() for key in found]
    now = responder.clock.now()
    worth = set(_of_the_cause(responder, ids, lesson)) if lesson else set()
    for key in ids:
        responder.graph.count_use(key, incident_id=incident.id, useful=key in worth, at=now)
    if lesson is not None and incident.skill:
        note_path(responder.graph, incident, incident.skill, held=True, at=now)


def _of_the_cause(responder: Responder, ids: Sequence[str], lesson: Lesson) -> Iterator[str]:
    named = {
        failure_family(lesson.hypothesis, lesson.change),
        lesson.hypothesis.entity.lower(),
        lesson.mitigation.action.kind.lower(),
    }
    named |= {lesson.change.id.lower()} if lesson.change else set()
    for fact in responder.graph.facts_with(ids):
        ends = {end.partition("/")[2] for end in (fact.subject, fact.object)}
        if ends & named:
            yield fact.id
