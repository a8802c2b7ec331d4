"""A person says what is not the cause: the plan changes at once, and the trace says who changed it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from autoheal.domain.investigation import Hypothesis, HypothesisState
from autoheal.healing.responder import Responder

CORRECTION = "correction"
CORRECTED, STANDING = "corrected", "standing"
_NOT = r"(?:not|isn't|isnt|ain't|never|wasn't|rule[sd]? out)"
_GAP = r"(?!\s+sure)(?:[\s'\"`]+\w+){0,3}?[\s'\"`]+"
"""A few words of the same clause."""


def correct(responder: Responder, incident_id: str, *, person: str, service: str) -> None:
    """Keep a person's word that a service is not the cause."""
    body = {"person": person, "entity": service}
    responder.audit.append(incident_id=incident_id, kind=CORRECTION, actor=person, body=body)
    responder.note(incident_id, "human", f"{service} is not the cause, says {person}", actor=person)


def corrections(responder: Responder, incident_id: str) -> Mapping[str, str]:
    """The services that are not the cause, each with the person who said so last."""
    told = responder.audit.records(incident_id, kind=CORRECTION)
    records = (record for record in told if not record.deleted)
    bodies = [json.loads(record.body) for record in records]
    return {str(body["entity"]): str(body["person"]) for body in bodies}


def set_aside(candidates: Sequence[Hypothesis], corrected: Mapping[str, str]) -> list[Hypothesis]:
    """What people ruled out goes to the end, rejected in their name; the next candidate leads."""
    left = [h for h in candidates if h.entity not in corrected]
    aside = [_rejected(h, corrected[h.entity]) for h in candidates if h.entity in corrected]
    if aside and left and left[0].state is HypothesisState.UNTESTED:
        left[0] = replace(left[0], state=HypothesisState.LEADING, not_tested_because="")
    return [*left, *aside]


def was_corrected(responder: Responder, mitigation_id: str) -> str:
    """Whether a person said that the cause is another than this mitigation's: then another is looked for."""
    mitigation = responder.mitigations.get(mitigation_id)
    ruled_out = mitigation.action.target in corrections(responder, mitigation.incident_id)
    return CORRECTED if ruled_out else STANDING


def denied(text: str, services: Iterable[str]) -> str | None:
    """The one service that a sentence rules out, as in `it is not checkout`; None otherwise."""
    found = {
        s for s in services if re.search(rf"\b{_NOT}\b{_GAP}{re.escape(s)}(?![\w-])", text, re.IGNORECASE)
    }
    return found.pop() if len(found) == 1 else None


def _rejected(hypothesis: Hypothesis, person: str) -> Hypothesis:
    reason = f"{person} says that it is not the cause"
    return replace(hypothesis, state=HypothesisState.REJECTED, not_tested_because=reason)
