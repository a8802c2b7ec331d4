"""A person's theory becomes a hypothesis: it is measured and reviewed like any other, and answered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from autoheal.diagnosis.finding import Diagnosis
from autoheal.domain.fact import NodeKind
from autoheal.domain.incident import Incident
from autoheal.domain.investigation import Hypothesis, HypothesisState, Mechanism, Review
from autoheal.healing.calm import calm_history
from autoheal.healing.collect import Collection, collect
from autoheal.healing.hypotheses import Material, hypotheses
from autoheal.healing.investigate import rank
from autoheal.healing.responder import Responder
from autoheal.healing.review import UnderReview, review
from autoheal.healing.reviewed import turned_off
from autoheal.healing.stored import stored_evidence
from autoheal.healing.symptom import symptom_history

WEIGH = "weigh"
"""The name of the run that weighs a theory."""

WEIGHED = "theory.weighed"
"""The kind of its record in the audit chain."""

STANDS, WEAKER, REFUTED, UNKNOWN = "stands", "weaker", "refuted", "unknown"
_STAGE = "theory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Theory:
    """Who blames which service in which incident."""

    incident_id: str
    person: str
    service: str

    @property
    def subject(self) -> str:
        """The subject of its run: the same theory of the same person is weighed once."""
        return f"{self.incident_id}|{self.person}|{self.service}"

    @classmethod
    def of(cls, subject: str) -> Theory:
        """The theory behind a subject."""
        incident_id, person, service = subject.split("|", 2)
        return cls(incident_id=incident_id, person=person, service=service)


def blamed(text: str, services: Iterable[str]) -> str | None:
    """The one service that a sentence names; None where it names none or several."""
    words = set(re.findall(r"[a-z0-9][a-z0-9_.-]*[a-z0-9]|[a-z0-9]", text.lower()))
    named = {service for service in services if service.lower() in words}
    return named.pop() if len(named) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What came of a theory: the hypothesis it became, its review, and the result."""

    hypothesis: Hypothesis
    review: Review | None
    result: str


def known_services(responder: Responder, incident_id: str) -> set[str]:
    """The names that a person may mean: services of the incident and of the graph."""
    known = {node.name for node in responder.graph.nodes(NodeKind.SERVICE)}
    return known | set(responder.incidents.get(incident_id).services)


def weigh(responder: Responder, subject: str) -> str:
    """Weigh the theory behind a run's subject."""
    return weighed(responder, Theory.of(subject)).result


def weighed(responder: Responder, theory: Theory) -> Weighed:
    """Measure the blamed service now, review it, and say on the incident what came of it."""
    _mention_earlier(responder, theory)
    incident = responder.incidents.get(theory.incident_id)
    collection, diagnosis = _look(responder, incident)
    hypothesis = _hypothesis(responder, theory, collection, diagnosis)
    checked = _reviewed(responder, incident, hypothesis, (collection, diagnosis))
    result = _result(hypothesis, checked, diagnosis)
    _record(responder, theory, hypothesis, checked, result)
    return Weighed(hypothesis=hypothesis, review=checked, result=result)


def _mention_earlier(responder: Responder, theory: Theory) -> None:
    """Whoever asks for what another had tested is told so, before it is measured anew."""
    for record in reversed(responder.audit.records(theory.incident_id, kind=WEIGHED)):
        if record.deleted:
            continue
        told = json.loads(record.body)
        if told["entity"] == theory.service and record.actor != theory.person:
            when = record.recorded_at.strftime("%H:%M:%S UTC")
            text = f"{record.actor} had {theory.service} tested at {when}: it {_VERB[told['result']]}"
            responder.note(theory.incident_id, "decision", f"{text}; measuring again for {theory.person}")
            return


def _look(responder: Responder, incident: Incident) -> tuple[Collection, Diagnosis]:
    calm = calm_history(responder, incident)
    history = symptom_history(responder, incident.id, calm)
    collection = collect(responder, incident, calm, onset_after=history.onset_after)
    return collection, rank(collection.telemetry, incident.services)


def _hypothesis(
    responder: Responder, theory: Theory, collection: Collection, diagnosis: Diagnosis
) -> Hypothesis:
    """What the engine has for and against that service, under the person's name."""
    name = f"{theory.incident_id}.{_STAGE}.{theory.person}.{theory.service}"
    causes = [cause for cause in diagnosis.ranking if cause.entity == theory.service]
    author = f"person:{theory.person}"
    if not causes:
        return Hypothesis(
            id=name,
            entity=theory.service,
            mechanism=Mechanism.UNKNOWN,
            statement=f"{theory.service} is the cause",
            score=0.0,
            confidence=0.0,
            author=author,
            state=HypothesisState.UNTESTED,
            not_tested_because=f"nothing was measured of {theory.service}",
        )
    _, rows = stored_evidence(responder, theory.incident_id)
    material = Material(
        investigation_id=name, changes=collection.changes, evidence=collection.evidence, rows=rows
    )
    blamed_first = replace(diagnosis, ranking=(causes[0],), confidence=causes[0].confidence)
    return replace(hypotheses(blamed_first, material)[0], id=name, author=author)


def _reviewed(
    responder: Responder, incident: Incident, hypothesis: Hypothesis, seen: tuple[Collection, Diagnosis]
) -> Review | None:
    """The same tests that every leading hypothesis must pass; None where nothing speaks for it."""
    if not hypothesis.claims_for:
        return None
    collection, diagnosis = seen
    evidence, rows = stored_evidence(responder, incident.id)
    case = UnderReview(
        hypothesis=hypothesis,
        evidence=evidence,
        rows=rows,
        change=collection.change(hypothesis.change_id),
        onset=diagnosis.onset,
        now=responder.clock.now().timestamp(),
        services=responder.alerts.group_of_incident(incident.id).services,
        calls=collection.telemetry.topology,
    )
    if not responder.settings.review:
        return turned_off(hypothesis.id)
    return review(responder.gatherer.for_stage(incident.id, _STAGE), case)


def _result(hypothesis: Hypothesis, checked: Review | None, diagnosis: Diagnosis) -> str:
    if checked is None:
        return UNKNOWN
    if not checked.holds:
        return REFUTED
    return STANDS if diagnosis.ranking[0].entity == hypothesis.entity else WEAKER


def _record(
    responder: Responder, theory: Theory, hypothesis: Hypothesis, checked: Review | None, result: str
) -> None:
    refuted = checked.refutations if checked else ()
    told = {
        STANDS: "the evidence speaks for it more than for anything else",
        WEAKER: "possible, but another service weighs more",
        REFUTED: "; ".join(refuted),
        UNKNOWN: hypothesis.not_tested_because or "nothing that was measured speaks for it",
    }
    cited = tuple(dict.fromkeys(i for claim in hypothesis.claims_for for i in claim.evidence_ids))
    text = f"{theory.person}'s theory that {theory.service} is the cause {_VERB[result]}: {told[result]}"
    body = {
        "person": theory.person,
        "entity": theory.service,
        "result": result,
        "reason": told[result],
        "for": [claim.text for claim in hypothesis.claims_for],
        "against": [claim.text for claim in hypothesis.claims_against],
    }
    responder.audit.append(incident_id=theory.incident_id, kind=WEIGHED, actor=theory.person, body=body)
    responder.note(theory.incident_id, "decision", text, evidence=cited)


_VERB = {STANDS: "stands", WEAKER: "is weaker", REFUTED: "is refuted", UNKNOWN: "cannot be tested"}
